from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from mlxr.prep.conversation import Conversation, PlainText
from mlxr.prep.split import divide, overlap_key, rank, repeated, units, without_overlap
from mlxr.recipe import Splits

KEYS = st.lists(st.text(max_size=4), max_size=60)
SHARES = st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.4, 0.2, 0.2)])
COUNTS = st.tuples(*[st.integers(1, 20)] * 3)
SEEDS = st.integers(0, 2**32 - 1)


def splits(parts: tuple[float | str, ...]) -> Splits:
    return Splits(train=parts[0], valid=parts[1], test=parts[2])


@given(KEYS, SHARES | COUNTS, SEEDS)
def test_equal_prompts_always_fall_together(
    keys: list[str], parts: tuple[float, ...], seed: int
) -> None:
    assigned = divide(keys, splits(parts), seed)
    assert len(set(zip(keys, assigned, strict=True))) == len(set(keys))


@given(KEYS, KEYS, SHARES, SEEDS)
def test_a_row_keeps_its_split_when_others_are_added_or_moved(
    keys: list[str], more: list[str], parts: tuple[float, ...], seed: int
) -> None:
    alone = dict(zip(keys, divide(keys, splits(parts), seed), strict=True))
    mixed = [*more, *reversed(keys)]
    among = dict(zip(mixed, divide(mixed, splits(parts), seed), strict=True))
    assert {key: among[key] for key in alone} == alone


@given(KEYS, COUNTS, SEEDS)
def test_counts_are_never_exceeded_and_met_where_rows_suffice(
    keys: list[str], parts: tuple[int, ...], seed: int
) -> None:
    distinct = sorted(set(keys))
    assigned = divide(distinct, splits(parts), seed)
    room = {split: assigned.count(split) for split in ("test", "valid", "train")}
    left = len(distinct)
    for split, asked in (("test", parts[2]), ("valid", parts[1]), ("train", parts[0])):
        assert room[split] == min(asked, left)
        left -= room[split]


@given(KEYS, COUNTS, SEEDS)
def test_counts_do_not_depend_on_the_order(
    keys: list[str], parts: tuple[int, ...], seed: int
) -> None:
    once = dict(zip(keys, divide(keys, splits(parts), seed), strict=True))
    turned = keys[::-1]
    assert once == dict(zip(turned, divide(turned, splits(parts), seed), strict=True))


def test_shares_are_met() -> None:
    keys = [str(i) for i in range(10_000)]
    assigned = divide(keys, Splits(), seed=42)
    assert None not in assigned
    for split, share in (("train", 0.8), ("valid", 0.1), ("test", 0.1)):
        spread = math.sqrt(share * (1 - share) * len(keys))
        assert abs(assigned.count(split) - share * len(keys)) < 4 * spread


def test_what_the_shares_leave_is_in_no_split() -> None:
    assigned = divide([str(i) for i in range(1000)], splits((0.2, 0.2, 0.2)), seed=1)
    assert 300 < assigned.count(None) < 500


def test_another_seed_divides_otherwise() -> None:
    keys = [str(i) for i in range(100)]
    assert divide(keys, Splits(), 1) != divide(keys, Splits(), 2)


@given(st.lists(st.tuples(st.text(max_size=2), st.sampled_from(["train", "valid", "test"]))))
def test_named_splits_share_no_prompt_and_lose_only_copies(rows: list[tuple[str, str]]) -> None:
    keys, named = [key for key, _ in rows], [split for _, split in rows]
    assigned = without_overlap(keys, named)
    kept = {(key, split) for key, split in zip(keys, assigned, strict=True) if split}
    assert {key for key, _ in kept} == set(keys)
    assert len(kept) == len(set(keys))
    assert all(now in (before, None) for now, before in zip(assigned, named, strict=True))


def test_test_keeps_a_prompt_before_valid_and_valid_before_train() -> None:
    keys = ["a", "a", "b", "b", "c", "c"]
    named = ["train", "test", "valid", "train", "test", "valid"]
    assert without_overlap(keys, named) == [None, "test", "valid", None, "test", None]


def prompt(text: str, **more: object) -> Conversation:
    return Conversation(({"role": "user", "content": text, **more}, {"role": "assistant"}))


def test_case_width_and_white_space_make_no_difference_to_a_prompt() -> None:
    assert overlap_key(prompt("Ｈello\n\tWORLD ")) == overlap_key(prompt("hello world"))
    assert overlap_key(prompt("Straße")) == overlap_key(prompt("STRASSE"))


def test_prompts_differ_by_words_roles_and_tools() -> None:
    plain = prompt("hello")
    other = [
        prompt("hallo"),
        prompt("hello", name="Ann"),
        Conversation(({**plain.messages[0], "role": "system"}, plain.messages[1])),
        Conversation(plain.messages, ({"name": "f"},)),
    ]
    assert len({overlap_key(conversation) for conversation in [plain, *other]}) == 5


def test_the_answer_is_no_part_of_the_prompt() -> None:
    one, two = ({"role": "assistant", "content": text} for text in "12")
    user = {"role": "user", "content": "Hi"}
    assert overlap_key(Conversation((user, one))) == overlap_key(Conversation((user, two)))


def test_repeated_and_rank() -> None:
    assert repeated("abca") == {"a"}
    assert 0 <= rank(1, "a") < 2**64
    assert rank(1, "ab") != rank(1, "a", "b")


@dataclass
class Member:
    """A record with what its split depends on."""

    row: int
    key: str
    last: bool = True
    group: str | None = None


def together(members: list[Member], near: dict[int, int] | None = None) -> list[list[int]]:
    """Return the places that share a unit, for each unit."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(units(members, near or {})):
        found.setdefault(name, []).append(place)
    return sorted(found.values())


def test_rows_prompts_groups_and_near_copies_bind() -> None:
    members = [
        Member(0, "a"),
        Member(1, "b", last=False),
        Member(1, "c"),
        Member(2, "a"),
        Member(3, "d", group="g"),
        Member(4, "e", group="g"),
        Member(5, "f"),
        Member(6, "h"),
        Member(7, "i"),
    ]
    assert together(members, {6: 1, 7: 1}) == [[0, 3], [1, 2], [4, 5], [6, 7], [8]]


def test_conversations_that_only_begin_alike_are_not_bound() -> None:
    members = [Member(row, key, last=key != "hi") for row in (0, 1) for key in ("hi", f"bye {row}")]
    assert together(members) == [[0, 1], [2, 3]]


@given(st.permutations(range(8)), st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_units_do_not_depend_on_the_order(order: list[int], groups: list[int]) -> None:
    members = [Member(i, f"key {i % 5}", group=f"{g}" if g else None) for i, g in enumerate(groups)]
    names = dict(enumerate(units(members, {})))
    assert units([members[i] for i in order], {}) == [names[i] for i in order]


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=300),
    SHARES | st.just((30, 10, 10)),
    SEEDS,
)
def test_every_stratum_is_divided_in_the_same_proportion(
    strata: list[str], parts: tuple[float, ...], seed: int
) -> None:
    names = [f"row {i}" for i in range(len(strata))]
    assigned = divide(names, splits(parts), seed, strata)
    by_share = sum(parts) < 2
    for stratum in set(strata):
        mine = [split for split, own in zip(assigned, strata, strict=True) if own == stratum]
        for split, part in zip(("train", "valid", "test"), parts, strict=True):
            share = part if by_share else part / len(strata)
            if by_share or len(strata) >= sum(parts):
                assert abs(mine.count(split) - share * len(mine)) <= 1.5, (stratum, split)


def test_rows_of_another_stratum_move_nothing() -> None:
    names = [f"row {i}" for i in range(50)]
    alone = divide(names, splits((0.8, 0.1, 0.1)), 7, ["x"] * 50)
    more = [f"other {i}" for i in range(31)]
    among = divide(more + names, splits((0.8, 0.1, 0.1)), 7, ["y"] * 31 + ["x"] * 50)
    assert among[31:] == alone


def test_small_strata_do_not_all_leave_out_the_same_split() -> None:
    names = [f"row {i}" for i in range(300)]
    assigned = divide(names, splits((0.5, 0.25, 0.25)), 3, names)
    assert {split: assigned.count(split) > 50 for split in ("train", "valid", "test")} == {
        "train": True,
        "valid": True,
        "test": True,
    }


def test_a_unit_of_several_strata_stays_whole() -> None:
    names = ["a", "a", "a", *(f"row {i}" for i in range(30))]
    strata = ["x", "y", "x", *(["x", "y"] * 15)]
    assigned = divide(names, splits((0.5, 0.25, 0.25)), 3, strata)
    assert len(set(assigned[:3])) == 1


def test_a_plain_text_is_its_own_key() -> None:
    assert overlap_key(PlainText("One  two")) == overlap_key(PlainText("one two"))
    assert overlap_key(PlainText("one two")) != overlap_key(PlainText("one three"))
