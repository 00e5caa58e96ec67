"""Near-duplicate search over many texts: MinHash finds candidate pairs, exact Jaccard decides.

Broder, "On the resemblance and containment of documents" (1997): the share of equal MinHash
values estimates the Jaccard similarity of two sets of shingles, here runs of three words.
Candidates agree on all 4 values of at least one of 32 bands: a pair of similarity 0.8 does so
with probability 1 - (1 - 0.8^4)^32 > 0.9999999.
"""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from mlxr.forest import Forest
from mlxr.values import normalise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    """A set of shingles, as their 64-bit hashes: sorted, each once."""

NEAR = 0.8
"""From this Jaccard similarity on, two texts are near-duplicates."""
ALIKE = 0.75
"""From this share of common words on, the lines in which two texts differ are alike."""
FEWEST = 27
"""Texts with fewer own shingles must be equal. One changed word touches three shingles, so below
27 it leaves (n - 3) / (n + 3) < NEAR: only an edit at the very edge of a text would still pass."""
SAMPLE = 1000
"""Distinct texts that are searched for boilerplate: those of the smallest hash."""
SAMPLE_LEAST = 20
"""Fewer distinct texts than this have no boilerplate."""

_PERMUTATIONS, _ROWS = 128, 4
_ESTIMATE = 0.65
"""Candidates estimated below are not read again: of pairs at exactly 0.8, that is 1 in 20,000."""
_CROWD, _TRIES = 32, 4
"""In a bucket a text is held against at most 32 others, and verified with the 4 most alike."""


class Sketches:
    """Texts added one by one, of which only 8 bytes each are kept, then grouped.

    The groups do not depend on the order of adding: all that is sampled or visited follows the
    hashes of the texts. They do depend on which texts there are: copies that make up more than
    half of all distinct texts look like a template and its boilerplate, and only their own
    shingles count. In a bucket of more than 32 texts a pair can be passed over, and is found if
    they meet in another.
    """

    def __init__(self) -> None:
        self._keys = array("Q")

    def add(self, text: str) -> None:
        """Take the next text; its index is the number of texts added before."""
        exact = " ".join(words(text)) or normalise(text)
        self._keys.append(int.from_bytes(_digest(exact)))

    def key(self, index: int) -> int:
        """Return what the text of an index shares with those that have the same words."""
        return self._keys[index]

    def groups(self, text_of: Callable[[int], str]) -> list[int]:
        """Return for each added text the smallest index in its group, its own if it is alone.

        `text_of` gives an added text again. It is called for a sample, then once for each
        distinct text in the order of adding, then for candidates; copies are never read.
        Signatures take 512 bytes a distinct text while this runs.
        """
        import numpy as np

        _, first, place = np.unique(
            np.array(self._keys, dtype=np.uint64), return_index=True, return_inverse=True
        )
        nodes = _link(len(first), lambda node: text_of(int(first[node])), np.argsort(first))
        smallest = np.full(len(first), len(self._keys))
        np.minimum.at(smallest, nodes, first)
        return [int(index) for index in smallest[nodes][place]]


def words(text: str) -> list[str]:
    """Return the words of `text`: NFKC, case folded, punctuation as white space.

    A Chinese character or a kana is a word, as these scripts write no spaces.
    """
    return normalise(text).translate(_SPACED).split()


class _Spaced(dict[int, str]):
    """What `str.translate` puts for each character, filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if unicodedata.category(char).startswith("P"):
            char = " "
        elif unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA")):
            char = f" {char} "
        self[code] = char
        return char


_SPACED = _Spaced()


def shingles(text: str) -> Hashes:
    """Return the word-3-grams of `text` as hashes; empty below three words."""
    import numpy as np

    codes = np.array([_word(word) for word in words(text)], dtype=np.uint64)
    # Modulo 2^64, with an odd number for each place, so that the order of the words counts.
    odd = np.array([0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 0x9E3779B97F4A7C15], dtype=np.uint64)
    return np.unique(codes[:-2] * odd[0] + codes[1:-1] * odd[1] + codes[2:] * odd[2])


def jaccard(one: Hashes, other: Hashes) -> float:
    """Return the size of the intersection over that of the union; 0 for two empty sets."""
    import numpy as np

    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(len(one) + len(other) - shared, 1)


def alike(one: str, other: str) -> bool:
    """Tell whether the lines that only one of two texts has use mostly the same words.

    Rows often share a long document, or a list of tools, and ask different things about it:
    those are different examples. What only adds lines changes nothing.
    """
    first, second = set(one.splitlines()), set(other.splitlines())
    mine, theirs = (set(words("\n".join(rest))) for rest in (first - second, second - first))
    shared = len(mine & theirs)
    return not mine or not theirs or shared >= ALIKE * (len(mine) + len(theirs) - shared)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@lru_cache(1 << 16)
def _word(word: str) -> int:
    return int.from_bytes(_digest(word))


def _boilerplate(sample: list[Hashes]) -> Hashes:
    """Return the shingles that stand in more than half of the sample."""
    import numpy as np

    if len(sample) < SAMPLE_LEAST:
        return np.array([], dtype=np.uint64)
    found, counts = np.unique(np.concatenate(sample), return_counts=True)
    return found[counts * 2 > len(sample)]


def _link(size: int, text_of: Callable[[int], str], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each of `size` distinct texts one text of its group, the same for all of it."""
    import numpy as np

    common = _boilerplate([shingles(text_of(node)) for node in range(min(size, SAMPLE))])

    @lru_cache(256)
    def own(node: int) -> Hashes:
        return np.setdiff1d(shingles(text_of(node)), common, assume_unique=True)

    @lru_cache(1 << 20)  # pairs meet in several bands; at most about 150 MB
    def near(one: int, other: int) -> bool:
        return jaccard(own(one), own(other)) >= NEAR and alike(text_of(one), text_of(other))

    signatures, nodes = _signatures(size, own, order)
    forest = Forest(size)
    for bucket in _buckets(signatures, nodes):
        _join(bucket, signatures, near, forest)
    return np.array([forest.root(node) for node in range(size)], dtype=np.intp)


def _signatures(
    size: int, own: Callable[[int], Hashes], order: NDArray[np.intp]
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Return a row of MinHash values for each text, and which texts are long enough for one."""
    import numpy as np
    from datasketch import MinHash

    signatures = np.empty((size, _PERMUTATIONS), dtype=np.uint32)
    long = np.zeros(size, dtype=bool)
    blank = MinHash(_PERMUTATIONS, hashfunc=int)
    for node in order:
        hashes = own(int(node))
        if len(hashes) >= FEWEST:
            sketch = blank.copy()
            sketch.update_batch((hashes >> np.uint64(32)).tolist())  # the high bits mix best
            signatures[node], long[node] = sketch.hashvalues, True
    return signatures, np.flatnonzero(long)


def _buckets(signatures: NDArray[np.uint32], nodes: NDArray[np.intp]) -> Iterator[list[int]]:
    """Yield the texts that agree on all values of a band, where they are two or more."""
    import numpy as np

    for start in range(0, _PERMUTATIONS, _ROWS):
        band = signatures[nodes, start : start + _ROWS]
        order = np.lexsort(band.T)
        edges = np.flatnonzero((np.diff(band[order], axis=0) != 0).any(axis=1)) + 1
        starts = np.concatenate([[0], edges])
        ends = np.concatenate([edges, [len(nodes)]])
        for at in np.flatnonzero(ends - starts > 1):
            yield nodes[order[starts[at] : ends[at]]].tolist()


def _join(
    bucket: list[int],
    signatures: NDArray[np.uint32],
    near: Callable[[int, int], bool],
    forest: Forest,
) -> None:
    """Unite the near-duplicates of a bucket, in time linear in its size.

    In a crowd a text meets the first ones that were like none before them.
    """
    met: list[int] = []
    for node in bucket:
        strangers = [other for other in met if forest.root(other) != forest.root(node)]
        for other in _alike(node, strangers, signatures) if strangers else []:
            if forest.root(other) != forest.root(node) and near(other, node):
                forest.unite(other, node)
        alone = all(forest.root(other) != forest.root(node) for other in met)
        if len(met) < _CROWD and (alone or len(bucket) <= _CROWD):
            met.append(node)


def _alike(node: int, others: list[int], signatures: NDArray[np.uint32]) -> list[int]:
    """Return the others that may well be near, the most alike first."""
    import numpy as np

    estimates = (signatures[others] == signatures[node]).mean(axis=1)
    best = np.argsort(-estimates, kind="stable")[:_TRIES]
    return [others[at] for at in best if estimates[at] >= _ESTIMATE]
