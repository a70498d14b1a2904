"""Where the public benchmarks of the field are to be had.

Skylark downloads nothing by itself: several of these sets sit behind terms of their own. A data set put as a folder
under `$SKYLARK_DATA/kg` is found by its folder's name; its form (labelled, integer ids, MetaQA) is recognised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PublicBenchmark:
    """A published data set.

    Attributes:
        name: the name it goes by in papers.
        about: what it holds, a few words.
        paper: authors, year and where it appeared.
        home: page or repository it is distributed from.
        licence: the terms as its distributors state them; "not stated" where they do not.
    """

    name: str
    about: str
    paper: str
    home: str
    licence: str

    where: ClassVar[str] = "public"


PUBLIC_BENCHMARKS: tuple[PublicBenchmark, ...] = (
    PublicBenchmark(
        "FB15k-237",
        "Freebase without near-inverse relations; 14,541 entities, 237 relations, 310,116 triples",
        "Toutanova & Chen 2015, CVSC workshop",
        "https://www.microsoft.com/en-us/download/details.aspx?id=52312",
        "Microsoft's terms on the page; Freebase content CC BY 2.5",
    ),
    PublicBenchmark(
        "FB15k",
        "Freebase; 14,951 entities, 1,345 relations, 592,213 triples, test set leaks through inverse relations",
        "Bordes et al. 2013, NeurIPS",
        "https://everest.hds.utc.fr/doku.php?id=en:transe",
        "Freebase content CC BY 2.5",
    ),
    PublicBenchmark(
        "NELL-995",
        "facts read from the web by NELL; 200 relations",
        "Xiong et al. 2017, EMNLP, arXiv 1707.06690",
        "https://github.com/xwhan/DeepPath",
        "not stated",
    ),
    PublicBenchmark(
        "WN18RR",
        "WordNet without inverse relations; 40,943 synsets, 11 relations, 93,003 triples",
        "Dettmers et al. 2018, AAAI, arXiv 1707.01476",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT; WordNet 3.0 licence",
    ),
    PublicBenchmark(
        "CoDEx",
        "Wikidata in three sizes (S, M, L) with names and types; 36,543 to 612,437 triples",
        "Safavi & Koutra 2020, EMNLP, arXiv 2009.07810",
        "https://github.com/tsafavi/codex",
        "repository MIT; Wikidata content CC0",
    ),
    PublicBenchmark(
        "YAGO3-10",
        "YAGO3 entities with ten relations or more; 123,182 entities, 37 relations, 1,089,040 triples",
        "Dettmers et al. 2018, AAAI, arXiv 1707.01476; YAGO3: Mahdisoltani et al. 2015, CIDR",
        "https://github.com/TimDettmers/ConvE",
        "YAGO content CC BY 3.0",
    ),
    PublicBenchmark(
        "MetaQA",
        "questions of one to three hops over a graph of films; 134,741 triples, 407,513 questions",
        "Zhang et al. 2018, AAAI, arXiv 1709.04071",
        "https://github.com/yuyuz/MetaQA",
        "CC BY 3.0",
    ),
    PublicBenchmark(
        "UMLS",
        "semantic network of medicine; 135 entities, 46 relations, 6,529 triples",
        "Kok & Domingos 2007, ICML",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT",
    ),
    PublicBenchmark(
        "Nations",
        "relations between countries; 14 entities, 55 relations, 1,992 triples",
        "Kok & Domingos 2007, ICML",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT",
    ),
    PublicBenchmark(
        "Kinship",
        "kinship terms of the Alyawarra; 104 persons, 25 relations, 10,686 triples",
        "Kok & Domingos 2007, ICML",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT",
    ),
    PublicBenchmark(
        "BetaE queries",
        "queries of 14 types, negation included, over FB15k, FB15k-237 and NELL995, with their graphs",
        "Ren & Leskovec 2020, NeurIPS, arXiv 2010.11465",
        "http://snap.stanford.edu/betae/KG_data.zip",
        "code MIT (github.com/snap-stanford/KGReasoning); data not stated",
    ),
    PublicBenchmark(
        "Query2Box queries",
        "queries of 9 types without negation over FB15k, FB15k-237 and NELL995, with their graphs",
        "Ren, Hu & Leskovec 2020, ICLR, arXiv 2002.05969",
        "https://github.com/hyren/query2box",
        "repository MIT",
    ),
)
