"""The names themselves: id -> name. Imports nothing of `digest`."""

from __future__ import annotations

_CS = """AI Artificial Intelligence|AR Hardware Architecture|CC Computational Complexity|CE Computational Engineering,
Finance, and Science|CG Computational Geometry|CL Computation and Language|CR Cryptography and Security|CV Computer
Vision and Pattern Recognition|CY Computers and Society|DB Databases|DC Distributed, Parallel, and Cluster
Computing|DL Digital Libraries|DM Discrete Mathematics|DS Data Structures and Algorithms|ET Emerging Technologies|FL
Formal Languages and Automata Theory|GL General Literature|GR Graphics|GT Computer Science and Game Theory|HC
Human-Computer Interaction|IR Information Retrieval|IT Information Theory|LG Machine Learning|LO Logic in Computer
Science|MA Multiagent Systems|MM Multimedia|MS Mathematical Software|NA Numerical Analysis|NE Neural and Evolutionary
Computing|NI Networking and Internet Architecture|OH Other Computer Science|OS Operating Systems|PF Performance|PL
Programming Languages|RO Robotics|SC Symbolic Computation|SD Sound|SE Software Engineering|SI Social and Information
Networks|SY Systems and Control"""
_ECON = "EM Econometrics|GN General Economics|TH Theoretical Economics"
_EESS = "AS Audio and Speech Processing|IV Image and Video Processing|SP Signal Processing|SY Systems and Control"
_MATH = """AC Commutative Algebra|AG Algebraic Geometry|AP Analysis of PDEs|AT Algebraic Topology|CA Classical Analysis
and ODEs|CO Combinatorics|CT Category Theory|CV Complex Variables|DG Differential Geometry|DS Dynamical Systems|FA
Functional Analysis|GM General Mathematics|GN General Topology|GR Group Theory|GT Geometric Topology|HO History and
Overview|IT Information Theory|KT K-Theory and Homology|LO Logic|MG Metric Geometry|MP Mathematical Physics|NA
Numerical Analysis|NT Number Theory|OA Operator Algebras|OC Optimization and Control|PR Probability|QA Quantum
Algebra|RA Rings and Algebras|RT Representation Theory|SG Symplectic Geometry|SP Spectral Theory|ST Statistics
Theory"""
_ASTRO = """CO Cosmology and Nongalactic Astrophysics|EP Earth and Planetary Astrophysics|GA Astrophysics of
Galaxies|HE High Energy Astrophysical Phenomena|IM Instrumentation and Methods for Astrophysics|SR Solar and Stellar
Astrophysics"""
_COND = """dis-nn Disordered Systems and Neural Networks|mes-hall Mesoscale and Nanoscale Physics|mtrl-sci Materials
Science|other Other Condensed Matter|quant-gas Quantum Gases|soft Soft Condensed Matter|stat-mech Statistical
Mechanics|str-el Strongly Correlated Electrons|supr-con Superconductivity"""
_NLIN = """AO Adaptation and Self-Organizing Systems|CD Chaotic Dynamics|CG Cellular Automata and Lattice Gases|PS
Pattern Formation and Solitons|SI Exactly Solvable and Integrable Systems"""
_PHYSICS = """acc-ph Accelerator Physics|ao-ph Atmospheric and Oceanic Physics|app-ph Applied Physics|atm-clus Atomic
and Molecular Clusters|atom-ph Atomic Physics|bio-ph Biological Physics|chem-ph Chemical Physics|class-ph Classical
Physics|comp-ph Computational Physics|data-an Data Analysis, Statistics and Probability|ed-ph Physics Education|flu-dyn
Fluid Dynamics|gen-ph General Physics|geo-ph Geophysics|hist-ph History and Philosophy of Physics|ins-det
Instrumentation and Detectors|med-ph Medical Physics|optics Optics|plasm-ph Plasma Physics|pop-ph Popular
Physics|soc-ph Physics and Society|space-ph Space Physics"""
_BIO = """BM Biomolecules|CB Cell Behavior|GN Genomics|MN Molecular Networks|NC Neurons and Cognition|OT Other
Quantitative Biology|PE Populations and Evolution|QM Quantitative Methods|SC Subcellular Processes|TO Tissues and
Organs"""
_FIN = """CP Computational Finance|EC Economics|GN General Finance|MF Mathematical Finance|PM Portfolio Management|PR
Pricing of Securities|RM Risk Management|ST Statistical Finance|TR Trading and Market Microstructure"""
_STAT = "AP Applications|CO Computation|ME Methodology|ML Machine Learning|OT Other Statistics|TH Statistics Theory"
_ALONE = """gr-qc General Relativity and Quantum Cosmology|hep-ex High Energy Physics - Experiment|hep-lat High Energy
Physics - Lattice|hep-ph High Energy Physics - Phenomenology|hep-th High Energy Physics - Theory|math-ph Mathematical
Physics|nucl-ex Nuclear Experiment|nucl-th Nuclear Theory|quant-ph Quantum Physics"""
_ARCHIVE_NAMES = """cs Computer Science|econ Economics|eess Electrical Engineering and Systems Science|math
Mathematics|astro-ph Astrophysics|cond-mat Condensed Matter|nlin Nonlinear Sciences|physics Physics|q-bio Quantitative
Biology|q-fin Quantitative Finance|stat Statistics"""
_SUBJECTS = """Animal Behavior and Cognition|Biochemistry|Bioengineering|Bioinformatics|Biophysics|Cancer Biology|Cell
Biology|Clinical Trials|Developmental Biology|Ecology|Epidemiology|Evolutionary
Biology|Genetics|Genomics|Immunology|Microbiology|Molecular Biology|Neuroscience|Paleontology|Pathology|Pharmacology
and Toxicology|Physiology|Plant Biology|Scientific Communication and Education|Synthetic Biology|Systems
Biology|Zoology|Addiction Medicine|Allergy and Immunology|Anesthesia|Cardiovascular Medicine|Dentistry and Oral
Medicine|Dermatology|Emergency Medicine|Endocrinology (including Diabetes Mellitus and Metabolic Disease)|Forensic
Medicine|Gastroenterology|Genetic and Genomic Medicine|Geriatric Medicine|Health Economics|Health Informatics|Health
Policy|Health Systems and Quality Improvement|Hematology|HIV/AIDS|Infectious Diseases (except HIV/AIDS)|Intensive Care
and Critical Care Medicine|Medical Education|Medical
Ethics|Nephrology|Neurology|Nursing|Nutrition|Obstetrics and Gynecology|Occupational and Environmental
Health|Oncology|Ophthalmology|Orthopedics|Otolaryngology|Pain Medicine|Palliative Medicine|Pediatrics|Pharmacology and
Therapeutics|Primary Care Research|Psychiatry and Clinical Psychology|Public and Global Health|Radiology and
Imaging|Rehabilitation Medicine and Physical Therapy|Respiratory Medicine|Rheumatology|Sexual and Reproductive
Health|Sports Medicine|Surgery|Toxicology|Transplantation|Urology"""


def _names(table: str, archive: str = "") -> dict[str, str]:
    rows = (" ".join(row.split()).partition(" ") for row in table.split("|"))
    return {f"{archive}.{id}" if archive else id: name for id, _, name in rows}


#: archives of arXiv that have categories of their own
ARCHIVES = _names(_ARCHIVE_NAMES)
#: categories of arXiv
ARXIV = {
    **_names(_CS, "cs"),
    **_names(_ECON, "econ"),
    **_names(_EESS, "eess"),
    **_names(_MATH, "math"),
    **_names(_ASTRO, "astro-ph"),
    **_names(_COND, "cond-mat"),
    **_names(_NLIN, "nlin"),
    **_names(_PHYSICS, "physics"),
    **_names(_BIO, "q-bio"),
    **_names(_FIN, "q-fin"),
    **_names(_STAT, "stat"),
    **_names(_ALONE),
}
#: subject areas of bioRxiv and medRxiv, by their words in small letters with `-` between
BIORXIV = {
    "-".join("".join(char if char.isalnum() else " " for char in name.casefold()).split()): name
    for name in (" ".join(row.split()) for row in _SUBJECTS.split("|"))
}
