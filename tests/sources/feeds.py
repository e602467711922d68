"""Feeds as texts, made for a test, in the forms that publishers write."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from xml.sax.saxutils import escape

from digest.models import Dump, Parsed
from digest.sources import feed_form
from digest.sources.dates import decide
from digest.testing import NOON

_NAMESPACES = (
    'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/"'
)
SKIP_DAYS = "<skipDays><day>Sunday</day><day>Saturday</day></skipDays>"


def read(feed: str | bytes, name: str = "feed.xml", received: datetime = NOON) -> Parsed:
    """Read a feed as a folder does."""
    content = feed if isinstance(feed, bytes) else feed.encode()
    dump = Dump(source="s", name=name, content=content)
    return feed_form.read(content, partial(decide, dump, received))


def rss(*items: str, title: str = "A feed", head: str = "") -> str:
    """Return RSS 2.0 of items that are XML."""
    channel = f"<title>{escape(title)}</title><link>https://example.org/</link><description>d</description>{head}"
    inside = "\n".join(f"<item>{item}</item>" for item in items)
    whole = f'<rss {_NAMESPACES} version="2.0"><channel>{channel}{inside}</channel></rss>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'


def arxiv_item(
    id: str,
    title: str,
    abstract: str,
    *,
    kind: str = "new",
    authors: str = "Ann Bee, Cee Dee",
    categories: tuple[str, ...] = ("cs.LG",),
    element: bool = True,
) -> str:
    """Return an item as arXiv's feeds have it; `id` with its version."""
    said = f"<arxiv:announce_type>{kind}</arxiv:announce_type>" if element else ""
    terms = "".join(f"<category>{term}</category>" for term in categories)
    return (
        f"<title>{escape(title)}</title><link>https://arxiv.org/abs/{id.partition('v')[0]}</link>"
        f"<description>arXiv:{id} Announce Type: {kind} \nAbstract: {escape(abstract)}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{id}</guid>{terms}'
        f"<pubDate>Fri, 20 Nov 2026 00:00:00 -0500</pubDate>{said}<dc:creator>{escape(authors)}</dc:creator>"
    )


def arxiv(*items: str, day: date | None = None) -> str:
    """Return a feed of arXiv, made on `day`."""
    day = day or NOON.date()
    built = f"<lastBuildDate>{day:%a, %d %b %Y} 05:00:05 +0000</lastBuildDate>"
    made = f"<pubDate>{day:%a, %d %b %Y} 00:00:00 -0500</pubDate>"
    return rss(*items, title="cs.LG updates on arXiv.org", head=built + made + SKIP_DAYS)


def api(*entries: str, total: int | None = None, start: int = 0) -> str:
    """Return an answer of arXiv's API."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns="http://www.w3.org/2005/Atom"><id>https://arxiv.org/api/x</id><title>arXiv Query</title>'
        "<updated>2026-11-20T05:00:00Z</updated><opensearch:itemsPerPage>100</opensearch:itemsPerPage>"
        f"<opensearch:totalResults>{len(entries) if total is None else total}</opensearch:totalResults>"
        f"<opensearch:startIndex>{start}</opensearch:startIndex>{''.join(entries)}</feed>"
    )


def api_entry(id: str, title: str = "A Title of Some Words", comment: str = "") -> str:
    """Return an entry as arXiv's API gives it."""
    said = f"<arxiv:comment>{escape(comment)}</arxiv:comment>" if comment else ""
    return (
        f"<entry><id>http://arxiv.org/abs/{id}</id><title>{escape(title)}</title><updated>2026-11-18T18:00:00Z</updated>"
        f'<link href="https://arxiv.org/abs/{id}" rel="alternate" type="text/html"/>'
        f'<link href="https://arxiv.org/pdf/{id}" rel="related" type="application/pdf" title="pdf"/>'
        f"<summary>We show it for {id}.</summary>"
        '<category term="q-bio.NC" scheme="http://arxiv.org/schemas/atom"/>'
        '<category term="cs.NE" scheme="http://arxiv.org/schemas/atom"/>'
        '<category term="68T05" scheme="http://arxiv.org/schemas/atom"/>'
        "<published>2026-11-16T18:00:00Z</published>"
        f'{said}<arxiv:primary_category term="cs.NE"/><author><name>Ann Bee</name></author>'
        "<author><name>Cee Dee</name></author></entry>"
    )


def page_rss(*papers: tuple[str, str, str, int], day: date | None = None) -> str:
    """Return Daily Papers as RSS: (id, title, abstract, upvotes) each."""
    made = day or NOON.date()
    items = [
        f"<title>{escape(title)}</title><link>https://arxiv.org/abs/{id}</link><description>"
        + escape(
            f'<p><img src="https://x.invalid/{id}.png" alt="Paper" /></p><p><b>Authors:</b> Ann Bee, Cee Dee</p>'
            f"<p><b>Upvotes:</b> {upvotes}</p><p><b>Summary:</b> {abstract}</p>"
        )
        + f'</description><guid isPermaLink="false">https://arxiv.org/abs/{id}</guid>'
        for id, title, abstract, upvotes in papers
    ]
    head = f"<lastBuildDate>{made:%a, %d %b %Y} 00:20:00 +0000</lastBuildDate>"
    return rss(*items, title="Hugging Face Daily Papers", head=head)
