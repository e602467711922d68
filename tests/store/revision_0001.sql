BEGIN TRANSACTION;
CREATE TABLE aliases (
	value TEXT NOT NULL, 
	scheme VARCHAR(20) NOT NULL, 
	paper INTEGER NOT NULL, 
	CONSTRAINT pk_aliases PRIMARY KEY (value, scheme), 
	CONSTRAINT fk_aliases_paper FOREIGN KEY(paper) REFERENCES papers (id)
);
INSERT INTO "aliases" VALUES('2611.00001','arxiv',1);
INSERT INTO "aliases" VALUES('2611.00002','arxiv',2);
INSERT INTO "aliases" VALUES('2611.00003','arxiv',3);
CREATE TABLE changes (
	number INTEGER NOT NULL, 
	paper INTEGER NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	source TEXT NOT NULL, 
	dump INTEGER NOT NULL, 
	fields TEXT, 
	before_title TEXT, 
	before_abstract TEXT, 
	CONSTRAINT pk_changes PRIMARY KEY (number), 
	CONSTRAINT ck_changes_kind CHECK (kind IN ('new', 'revised', 'enriched', 'listed')), 
	CONSTRAINT fk_changes_paper FOREIGN KEY(paper) REFERENCES papers (id), 
	CONSTRAINT fk_changes_dump FOREIGN KEY(dump) REFERENCES dumps (id)
);
INSERT INTO "changes" VALUES(1,1,'new','papers',1,NULL,NULL,NULL);
INSERT INTO "changes" VALUES(2,2,'new','papers',1,NULL,NULL,NULL);
INSERT INTO "changes" VALUES(3,3,'new','papers',1,NULL,NULL,NULL);
CREATE TABLE decisions (
	id INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	"by" TEXT NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	paper INTEGER NOT NULL, 
	other INTEGER NOT NULL, 
	moved TEXT NOT NULL, 
	undone INTEGER, 
	CONSTRAINT pk_decisions PRIMARY KEY (id), 
	CONSTRAINT ck_decisions_kind CHECK (kind IN ('merge', 'split', 'apart')), 
	CONSTRAINT uq_decisions_seq UNIQUE (seq), 
	CONSTRAINT fk_decisions_paper FOREIGN KEY(paper) REFERENCES papers (id), 
	CONSTRAINT fk_decisions_other FOREIGN KEY(other) REFERENCES papers (id), 
	CONSTRAINT fk_decisions_undone FOREIGN KEY(undone) REFERENCES decisions (id)
);
CREATE TABLE dumps (
	id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	received VARCHAR(32) NOT NULL, 
	told VARCHAR(10), 
	told_rule VARCHAR(20), 
	date VARCHAR(10), 
	date_rule VARCHAR(20), 
	note TEXT, 
	seq INTEGER, 
	mended INTEGER, 
	log_end INTEGER, 
	announced BOOLEAN, 
	listed INTEGER DEFAULT '0' NOT NULL, 
	new INTEGER DEFAULT '0' NOT NULL, 
	revised INTEGER DEFAULT '0' NOT NULL, 
	enriched INTEGER DEFAULT '0' NOT NULL, 
	seen INTEGER DEFAULT '0' NOT NULL, 
	rejected INTEGER DEFAULT '0' NOT NULL, 
	raw BLOB NOT NULL, 
	CONSTRAINT pk_dumps PRIMARY KEY (id), 
	CONSTRAINT uq_dumps_source UNIQUE (source, sha256), 
	CONSTRAINT uq_dumps_seq UNIQUE (seq), 
	CONSTRAINT uq_dumps_mended UNIQUE (mended)
);
INSERT INTO "dumps" VALUES(1,'papers','a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e','first',5,'2026-11-20T12:00:00.000000+00:00',NULL,NULL,'2026-11-20','option',NULL,1,NULL,3,1,3,3,0,0,0,0,X'785E4BCB2C2A2E010006570229');
CREATE TABLE editions (
	newsletter TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	date VARCHAR(10) NOT NULL, 
	instant VARCHAR(32) NOT NULL, 
	"after" INTEGER NOT NULL, 
	upto INTEGER NOT NULL, 
	snapshot TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_editions PRIMARY KEY (newsletter, number), 
	CONSTRAINT uq_editions_newsletter UNIQUE (newsletter, date), 
	CONSTRAINT fk_editions_newsletter FOREIGN KEY(newsletter) REFERENCES newsletters (id)
);
INSERT INTO "editions" VALUES('daily',1,'2026-11-20','2026-11-20T12:00:00.000000+00:00',0,3,'{"after":0,"base_url":null,"counts":{"had":0,"late":0,"listed":3,"new":3,"revised":0},"date":"2026-11-20","entries":[{"change":"new","heading":"all","late":null,"listed":"2026-11-20","matches":false,"paper":{"abstract":"We prune them.","as_of":{},"author_count":null,"authors":[],"categories":[],"comments":null,"dormant":false,"first_seen":"2026-11-20","ids":[{"scheme":"arxiv","value":"2611.00001"}],"key":"2611.00001","keywords":[],"links":[],"organization":null,"published":null,"stars":null,"title":"Title 1","upvotes":null,"venue":null,"version":null,"withdrawn":false},"reasons":[],"revision":null,"score":1.0,"summary":"","tags":[]},{"change":"new","heading":"all","late":null,"listed":"2026-11-20","matches":false,"paper":{"abstract":"We prune them.","as_of":{},"author_count":null,"authors":[],"categories":[],"comments":null,"dormant":false,"first_seen":"2026-11-20","ids":[{"scheme":"arxiv","value":"2611.00002"}],"key":"2611.00002","keywords":[],"links":[],"organization":null,"published":null,"stars":null,"title":"Title 2","upvotes":null,"venue":null,"version":null,"withdrawn":false},"reasons":[],"revision":null,"score":1.0,"summary":"","tags":[]},{"change":"new","heading":"all","late":null,"listed":"2026-11-20","matches":false,"paper":{"abstract":"We prune them.","as_of":{},"author_count":null,"authors":[],"categories":[],"comments":null,"dormant":false,"first_seen":"2026-11-20","ids":[{"scheme":"arxiv","value":"2611.00003"}],"key":"2611.00003","keywords":[],"links":[],"organization":null,"published":null,"stars":null,"title":"Title 3","upvotes":null,"venue":null,"version":null,"withdrawn":false},"reasons":[],"revision":null,"score":1.0,"summary":"","tags":[]}],"feed_id":"tag:digest.invalid,2026:daily","instant":"2026-11-20T12:00:00Z","language":"en","lead":"What came.","newsletter":"daily","notes":[],"number":1,"only_matches":false,"previous":null,"public_reasons":false,"sections":[{"id":"all","keys":["2611.00001","2611.00002","2611.00003"],"title":"All"}],"show":25,"tag_names":{},"tag_parents":{},"timezone":"UTC","title":"Daily Papers","top":{"keys":[],"label":"by score"},"upto":3}','54172944246b86f84cfb417b0d1117bd1b9a52b6f4096655fcd62d04d9520eee');
CREATE TABLE entries (
	paper INTEGER NOT NULL, 
	newsletter TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	CONSTRAINT pk_entries PRIMARY KEY (paper, newsletter, number), 
	CONSTRAINT fk_entries_newsletter FOREIGN KEY(newsletter, number) REFERENCES editions (newsletter, number), 
	CONSTRAINT fk_entries_paper FOREIGN KEY(paper) REFERENCES papers (id)
);
INSERT INTO "entries" VALUES(1,'daily',1,'new');
INSERT INTO "entries" VALUES(2,'daily',1,'new');
INSERT INTO "entries" VALUES(3,'daily',1,'new');
CREATE TABLE fetches (
	id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	dump INTEGER, 
	sha256 VARCHAR(64), 
	date VARCHAR(10), 
	status TEXT NOT NULL, 
	note TEXT, 
	CONSTRAINT pk_fetches PRIMARY KEY (id), 
	CONSTRAINT fk_fetches_dump FOREIGN KEY(dump) REFERENCES dumps (id)
);
INSERT INTO "fetches" VALUES(1,'papers','2026-11-20T12:00:00.000000+00:00',1,'a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e',NULL,'ok',NULL);
CREATE TABLE memory (
	source TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_memory PRIMARY KEY (source, name)
);
CREATE TABLE meta (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('created','2026-11-20T12:00:00+00:00');
CREATE TABLE newsletters (
	id TEXT NOT NULL, 
	mark INTEGER NOT NULL, 
	feed_id TEXT, 
	CONSTRAINT pk_newsletters PRIMARY KEY (id)
);
INSERT INTO "newsletters" VALUES('daily',3,'tag:digest.invalid,2026:daily');
CREATE TABLE outputs (
	folder TEXT NOT NULL, 
	state BLOB NOT NULL, 
	CONSTRAINT pk_outputs PRIMARY KEY (folder)
);
CREATE TABLE papers (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	first_seen VARCHAR(10) NOT NULL, 
	"into" INTEGER, 
	data TEXT NOT NULL, 
	CONSTRAINT pk_papers PRIMARY KEY (id), 
	CONSTRAINT uq_papers_key UNIQUE ("key"), 
	CONSTRAINT fk_papers_into FOREIGN KEY("into") REFERENCES papers (id)
);
INSERT INTO "papers" VALUES(1,'2611.00001','2026-11-20',NULL,'{"key":"2611.00001","title":"Title 1","abstract":"We prune them.","ids":[{"scheme":"arxiv","value":"2611.00001"}],"first_seen":"2026-11-20"}');
INSERT INTO "papers" VALUES(2,'2611.00002','2026-11-20',NULL,'{"key":"2611.00002","title":"Title 2","abstract":"We prune them.","ids":[{"scheme":"arxiv","value":"2611.00002"}],"first_seen":"2026-11-20"}');
INSERT INTO "papers" VALUES(3,'2611.00003','2026-11-20',NULL,'{"key":"2611.00003","title":"Title 3","abstract":"We prune them.","ids":[{"scheme":"arxiv","value":"2611.00003"}],"first_seen":"2026-11-20"}');
CREATE TABLE receipts (
	id INTEGER NOT NULL, 
	started_at VARCHAR(32) NOT NULL, 
	verdict VARCHAR(40) NOT NULL, 
	data TEXT NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY (id)
);
INSERT INTO "receipts" VALUES(1,'2026-11-20T12:00:00.000000+00:00','published','{"verdict": "published", "started_at": "2026-11-20T12:00:00Z", "sources": [], "editions": [], "deliveries": {"pending": 0, "submitted": 0, "deferred": 0, "failed": 0, "unknown": 0}}');
CREATE TABLE rejected (
	dump INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	first INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_rejected PRIMARY KEY (dump, position), 
	CONSTRAINT fk_rejected_dump FOREIGN KEY(dump) REFERENCES dumps (id)
);
CREATE TABLE run_lock (
	id INTEGER NOT NULL, 
	token VARCHAR(32) NOT NULL, 
	owner TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	process TEXT NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	expires VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_run_lock PRIMARY KEY (id), 
	CONSTRAINT ck_run_lock_one CHECK (id = 1)
);
CREATE TABLE schema_revision (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT schema_revision_pkc PRIMARY KEY (version_num)
);
INSERT INTO "schema_revision" VALUES('0001');
CREATE TABLE searchable (
	paper INTEGER NOT NULL, 
	folded TEXT NOT NULL, 
	CONSTRAINT pk_searchable PRIMARY KEY (paper), 
	CONSTRAINT fk_searchable_paper FOREIGN KEY(paper) REFERENCES papers (id)
);
INSERT INTO "searchable" VALUES(1,'title 1
we prune them.');
INSERT INTO "searchable" VALUES(2,'title 2
we prune them.');
INSERT INTO "searchable" VALUES(3,'title 3
we prune them.');
CREATE TABLE sightings (
	dump INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	first INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	paper INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	rule VARCHAR(12) NOT NULL, 
	title_score FLOAT, 
	abstract_score FLOAT, 
	rivals TEXT, 
	comments INTEGER, 
	upvotes INTEGER, 
	stars INTEGER, 
	silent BOOLEAN NOT NULL, 
	CONSTRAINT pk_sightings PRIMARY KEY (dump, position), 
	CONSTRAINT fk_sightings_dump FOREIGN KEY(dump) REFERENCES dumps (id), 
	CONSTRAINT fk_sightings_paper FOREIGN KEY(paper) REFERENCES papers (id), 
	CONSTRAINT fk_sightings_version FOREIGN KEY(version) REFERENCES versions (id)
);
INSERT INTO "sightings" VALUES(1,0,1,1,1,1,'new','none',NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "sightings" VALUES(1,1,1,1,2,2,'new','none',NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "sightings" VALUES(1,2,1,1,3,3,'new','none',NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE sketches (
	hash BIGINT NOT NULL, 
	paper INTEGER NOT NULL, 
	CONSTRAINT pk_sketches PRIMARY KEY (hash, paper), 
	CONSTRAINT fk_sketches_paper FOREIGN KEY(paper) REFERENCES papers (id)
)
 WITHOUT ROWID

;
INSERT INTO "sketches" VALUES(204042032206272124,1);
INSERT INTO "sketches" VALUES(3806921734102668924,2);
INSERT INTO "sketches" VALUES(3821915812139741405,1);
INSERT INTO "sketches" VALUES(3821970787721130205,2);
INSERT INTO "sketches" VALUES(3822025763302519005,3);
INSERT INTO "sketches" VALUES(7409801435999065724,3);
CREATE TABLE tags (
	paper INTEGER NOT NULL, 
	taxonomy TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	CONSTRAINT pk_tags PRIMARY KEY (paper, taxonomy), 
	CONSTRAINT fk_tags_paper FOREIGN KEY(paper) REFERENCES papers (id)
);
CREATE TABLE versions (
	id INTEGER NOT NULL, 
	paper INTEGER NOT NULL, 
	title_key INTEGER NOT NULL, 
	text_key INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	abstract TEXT NOT NULL, 
	dump INTEGER NOT NULL, 
	CONSTRAINT pk_versions PRIMARY KEY (id), 
	CONSTRAINT fk_versions_paper FOREIGN KEY(paper) REFERENCES papers (id), 
	CONSTRAINT fk_versions_dump FOREIGN KEY(dump) REFERENCES dumps (id)
);
INSERT INTO "versions" VALUES(1,1,-2455017974350330325,662944177055372219,'Title 1','We prune them.',1);
INSERT INTO "versions" VALUES(2,2,-978604083232851154,-1641446226054308033,'Title 2','We prune them.',1);
INSERT INTO "versions" VALUES(3,3,6106397927108726329,-1180107287303982706,'Title 3','We prune them.',1);
CREATE INDEX ix_dumps_source_date ON dumps (source, date);
CREATE INDEX ix_papers_into ON papers ("into") WHERE "into" IS NOT NULL;
CREATE INDEX ix_papers_first_seen ON papers (first_seen);
CREATE INDEX ix_fetches_source_id ON fetches (source, id);
CREATE INDEX ix_versions_paper ON versions (paper);
CREATE INDEX ix_versions_title_key ON versions (title_key);
CREATE INDEX ix_decisions_paper ON decisions (paper);
CREATE INDEX ix_decisions_other ON decisions (other);
CREATE INDEX ix_sightings_paper ON sightings (paper, dump);
CREATE INDEX ix_sightings_rivals ON sightings (dump, position) WHERE rivals IS NOT NULL;
COMMIT;
