"""Where the public benchmarks of the field are to be had, and how a right copy is told.

Skylark downloads nothing by itself: several of these sets sit behind terms of their own. A data set put as a folder
under `$SKYLARK_DATA/kg` is found by its folder's name; its form (labelled, integer ids, MetaQA) is recognised, and
`kg_data.verifying` compares it with what stands here. Copies of a benchmark that differ (another split, lost lines)
are a known source of figures that cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PublishedFile:
    """A file of a data set.

    Attributes:
        name: its name.
        rows: its lines that are not blank; 0 for an archive.
        digest: "md5:..." or "sha256:..." of its bytes, "" where none is known.
    """

    name: str
    rows: int
    digest: str = ""


@dataclass(frozen=True)
class PublicBenchmark:
    """A published data set.

    Attributes:
        name: the name it goes by in papers.
        about: what it holds, a few words.
        paper: authors, year and where it appeared.
        home: page or repository it is distributed from.
        licence: the terms as its distributors state them; "not stated" where they do not.
        files: the files that hold its triples.
        digests_from: who published the digests, or what they were computed from; "" where there are none.
        entities, relations: their numbers over all files, inverse relations not counted; 0 where not known.
        archive: the archive that it is published as, where that has a published digest.
        also_called: further names that folders of it carry.
    """

    name: str
    about: str
    paper: str
    home: str
    licence: str
    files: tuple[PublishedFile, ...] = ()
    digests_from: str = ""
    entities: int = 0
    relations: int = 0
    archive: PublishedFile | None = None
    also_called: tuple[str, ...] = ()

    where: ClassVar[str] = "public"


def _splits(
    rows: tuple[int, int, int], kind: str = "", digests: tuple[str, str, str] = ("", "", "")
) -> tuple[PublishedFile, ...]:
    """train.txt, valid.txt and test.txt."""
    return tuple(
        PublishedFile(f"{split}.txt", count, f"{kind}:{digest}" if digest else "")
        for split, count, digest in zip(("train", "valid", "test"), rows, digests, strict=True)
    )


_CONVE = "computed from the archive in TimDettmers/ConvE at commit f3c0eb2; none is published"


PUBLIC_BENCHMARKS: tuple[PublicBenchmark, ...] = (
    PublicBenchmark(
        "FB15k-237",
        "Freebase without near-inverse relations; 14,541 entities, 237 relations, 310,116 triples",
        "Toutanova & Chen 2015, CVSC workshop",
        "https://www.microsoft.com/en-us/download/details.aspx?id=52312",
        "Microsoft's terms on the page; Freebase content CC BY 2.5",
        _splits(
            (272_115, 17_535, 20_466),
            "md5",
            (
                "c05b87b9ac00f41901e016a2092d7837",
                "6a94efd530e5f43fcf84f50bc6d37b69",
                "f5bdf63db39f455dec0ed259bb6f8628",
            ),
        ),
        "published with AmpliGraph and TorchDrug, for files with CRLF line ends",
        entities=14_541,
        relations=237,
    ),
    PublicBenchmark(
        "FB15k-237-betae",
        "FB15k-237 in the integer form of BetaE and Query2Box; 14,505 entities, 237 relations, 310,079 triples",
        "Ren, Hu & Leskovec 2020, ICLR, arXiv 2002.05969",
        "http://snap.stanford.edu/betae/KG_data.zip",
        "Freebase content CC BY 2.5",
        _splits(
            (544_230, 35_052, 40_876),
            "sha256",
            (
                "b30260b70590fab1c074e794de004d27960dd3419cf4db30699a98fdf88f9a4f",
                "30ea4d342e4ef4b9c5199ae3ff943bfaff7c50bc0d87b3b1126c33bb6311adf1",
                "43239b213453f72d58c68e18eb2dc8858a5156f05d6ca3c7e6cfc651c72d8741",
            ),
        ),
        "computed from the files in hyren/query2box at commit 15aea14; none is published",
        entities=14_505,
        relations=237,
        also_called=("FB15k-237-q2b",),
    ),
    PublicBenchmark(
        "FB15k",
        "Freebase; 14,951 entities, 1,345 relations, 592,213 triples, test set leaks through inverse relations",
        "Bordes et al. 2013, NeurIPS",
        "https://everest.hds.utc.fr/doku.php?id=en:transe",
        "Freebase content CC BY 2.5",
        _splits(
            (483_142, 50_000, 59_071),
            "md5",
            (
                "5a87195e68d7797af00e137a7f6929f2",
                "275835062bb86a86477a3c402d20b814",
                "71098693b0efcfb8ac6cd61cf3a3b505",
            ),
        ),
        "published with AmpliGraph and TorchDrug",
        entities=14_951,
        relations=1_345,
    ),
    PublicBenchmark(
        "NELL995",
        "facts read from the web by NELL, as split for BetaE; 63,361 entities, 200 relations, 142,804 triples",
        "Xiong et al. 2017, EMNLP, arXiv 1707.06690; split: Ren, Hu & Leskovec 2020, ICLR, arXiv 2002.05969",
        "http://snap.stanford.edu/betae/KG_data.zip",
        "not stated",
        _splits(
            (228_426, 28_648, 28_534),
            "sha256",
            (
                "2745e38101fd8b5737076996194576e2f6be05485b4cb28c216078f2ef928c47",
                "a4223c6ddaf37d629db481aaf1d0e10808ace192a6a653fe1c93f346af850f1b",
                "4d675e0614b2d5426434dc04ecafdc076e7cc410899c0161b2f376d4413bb64b",
            ),
        ),
        "computed from the identical copies in bys0318/QTO and zjukg/ENeSy; none is published",
        entities=63_361,
        relations=200,
        also_called=("NELL-995", "NELL", "NELL995-betae", "NELL-betae"),
    ),
    PublicBenchmark(
        "WN18RR",
        "WordNet without inverse relations; 40,943 synsets, 11 relations, 93,003 triples",
        "Dettmers et al. 2018, AAAI, arXiv 1707.01476",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT; WordNet 3.0 licence",
        _splits(
            (86_835, 3_034, 3_134),
            "md5",
            (
                "35e81af3ae233327c52a87f23b30ad3c",
                "74a2ee9eca9a8d31f1a7d4d95b5e0887",
                "2b45ba1ba436b9d4ff27f1d3511224c9",
            ),
        ),
        "published with AmpliGraph",
        entities=40_943,
        relations=11,
    ),
    PublicBenchmark(
        "CoDEx-S",
        "Wikidata with names and types; 2,034 entities, 42 relations, 36,543 triples",
        "Safavi & Koutra 2020, EMNLP, arXiv 2009.07810",
        "https://github.com/tsafavi/codex",
        "repository MIT; Wikidata content CC0",
        _splits(
            (32_888, 1_827, 1_828),
            "sha256",
            (
                "64f93b7f314f3936a6f65739721429db3f6a7c8f5a1e1104ec3bb544f7434f59",
                "3831c0e57daef03c3a18cdd1a72e370b496f696c5218883d35c7d2ab8a6a772c",
                "27127fcb34688c4778e88a39ef3c9b540807da846021e9d9685660ac1838aca1",
            ),
        ),
        "computed from the files in tsafavi/codex at commit 3132e42; none is published",
        entities=2_034,
        relations=42,
    ),
    PublicBenchmark(
        "CoDEx-M",
        "Wikidata with names and types; 17,050 entities, 51 relations, 206,205 triples",
        "Safavi & Koutra 2020, EMNLP, arXiv 2009.07810",
        "https://github.com/tsafavi/codex",
        "repository MIT; Wikidata content CC0",
        _splits(
            (185_584, 10_310, 10_311),
            "md5",
            (
                "d507616dd7b9f6ddbacf83766efaa1dd",
                "0fd5e85f41e0ba3ef6c10093cbe2a435",
                "7186374c5ca7075d268ccf316927041d",
            ),
        ),
        "published with AmpliGraph",
        entities=17_050,
        relations=51,
    ),
    PublicBenchmark(
        "CoDEx-L",
        "Wikidata with names and types; 77,951 entities, 69 relations, 612,437 triples",
        "Safavi & Koutra 2020, EMNLP, arXiv 2009.07810",
        "https://github.com/tsafavi/codex",
        "repository MIT; Wikidata content CC0",
        _splits((551_193, 30_622, 30_622)),
        entities=77_951,
        relations=69,
    ),
    PublicBenchmark(
        "YAGO3-10",
        "YAGO3 entities with ten relations or more; 123,182 entities, 37 relations, 1,089,040 triples",
        "Dettmers et al. 2018, AAAI, arXiv 1707.01476; YAGO3: Mahdisoltani et al. 2015, CIDR",
        "https://github.com/TimDettmers/ConvE",
        "YAGO content CC BY 3.0",
        _splits(
            (1_079_040, 5_000, 5_000),
            "md5",
            (
                "a9da8f583ec3920570eeccf07199229a",
                "2d679a906f2b1ac29d74d5c948c1ad09",
                "14bf97890b2fee774dbce5f326acd189",
            ),
        ),
        "published with AmpliGraph and TorchDrug",
        entities=123_182,
        relations=37,
    ),
    PublicBenchmark(
        "MetaQA",
        "questions of one to three hops over a graph of films; 134,741 triples, 407,513 questions",
        "Zhang et al. 2018, AAAI, arXiv 1709.04071",
        "https://github.com/yuyuz/MetaQA",
        "CC BY 3.0",
        (PublishedFile("kb.txt", 134_741),),
        relations=9,
    ),
    PublicBenchmark(
        "UMLS",
        "semantic network of medicine; 135 entities, 46 relations, 6,529 triples",
        "Kok & Domingos 2007, ICML",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT",
        _splits(
            (5_216, 652, 661),
            "sha256",
            (
                "873ef4925516b83e7f6f8cc02b4be51d848828710a7f65a956f0ac4a9e452f35",
                "025c98f8a4891e2a6582ec5b40ee0d904031edad9c52554522f4b7904820c98e",
                "a7eb529a3d2810fcc96341ccc97c625a5e202f8389673aa6bd317eeebbb79014",
            ),
        ),
        _CONVE,
        entities=135,
        relations=46,
    ),
    PublicBenchmark(
        "Nations",
        "relations between countries; 14 entities, 55 relations, 1,992 triples",
        "Kok & Domingos 2007, ICML",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT",
        _splits(
            (1_592, 199, 201),
            "sha256",
            (
                "0830fa9da8e5bba2ccdaa45b7bdc9130451ba66b09ff2708f35fccaf82473e57",
                "2b337a62e51a2f45c283eac98a70d21b7e0e102136be1539b2a52c652a7b0530",
                "3971085165b47b6aeaec68058c6d8d98b3005e929db81268410b95ae4db770ab",
            ),
        ),
        _CONVE,
        entities=14,
        relations=55,
    ),
    PublicBenchmark(
        "Kinship",
        "kinship terms of the Alyawarra; 104 persons, 25 relations, 10,686 triples",
        "Kok & Domingos 2007, ICML",
        "https://github.com/TimDettmers/ConvE",
        "repository MIT",
        _splits(
            (8_544, 1_068, 1_074),
            "sha256",
            (
                "738612111a6acf0e39662bde24c7e72a4d1edf20931beea077da367dda689731",
                "c56f8630a583178b1e569f11a64aa535ae1ce0b0912d8b1e24716be2b37f04da",
                "05e5733265761d55be9c05bfaff5a8d0808df46f9c1e9d66cc3f2fe114e43d88",
            ),
        ),
        _CONVE,
        entities=104,
        relations=25,
    ),
    PublicBenchmark(
        "BetaE queries",
        "queries of 14 types, negation included, over FB15k, FB15k-237 and NELL995, with their graphs",
        "Ren & Leskovec 2020, NeurIPS, arXiv 2010.11465",
        "http://snap.stanford.edu/betae/KG_data.zip",
        "code MIT (github.com/snap-stanford/KGReasoning); data not stated",
        archive=PublishedFile("KG_data.zip", 0, "md5:d54f92e2e6a64d7f525b8fe366ab3f50"),
        digests_from="published with GNN-QE, for the archive",
    ),
    PublicBenchmark(
        "Query2Box queries",
        "queries of 9 types without negation over FB15k, FB15k-237 and NELL995, with their graphs",
        "Ren, Hu & Leskovec 2020, ICLR, arXiv 2002.05969",
        "https://github.com/hyren/query2box",
        "repository MIT",
    ),
)
