"""The page in a browser: its controls work, hostile text stays text.

Needs Chromium (apt-get install chromium, brew install chromium), which is driven, not downloaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compare.pages import HOSTILE, records, texts
from mlxr.compare.report.page import LONGEST, page

CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        if (found := shutil.which(name))
    ),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens a page; no error, message or request may come of it."""
    tab = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    file = tmp_path / "report.html"

    def open_(made: str, address: str = "") -> Any:
        file.write_text(made, encoding="utf-8")
        tab.goto(file.as_uri() + address)
        return tab

    yield open_
    tab.close()
    assert said == []
    assert {url.split("#")[0] for url in asked} - {"data:,"} == {file.as_uri()}


def ids(tab: Any) -> list[str]:
    return [str(text) for text in tab.locator(".head .id").all_inner_texts()]


def test_of_a_thousand_rows_only_a_page_is_drawn(opened: Open) -> None:
    tab = opened(page(*records(1000)), "#all")
    assert "1000 of 1000" in tab.inner_text("#count")
    assert len(ids(tab)) == tab.locator(".sample").count() == 25


def test_what_broke_is_shown_first_and_the_table_leads_to_the_rest(opened: Open) -> None:
    tab = opened(page(*texts(120)))
    assert "6 of 120" in tab.inner_text("#count")
    assert ids(tab) == ["s0", "s20", "s40", "s60", "s80", "s100"]
    tab.click(".moves a >> text=84 fixed")
    assert "84 of 120" in tab.inner_text("#count")
    tab.click("#outcomes >> text=all 120")
    assert "120 of 120" in tab.inner_text("#count")


def test_search_slice_sort_and_pages(opened: Open) -> None:
    tab = opened(page(*records(200, ("Ada", "Bo"))), "#all")
    tab.fill("#search", "ADA 100 ")
    assert ids(tab) == ["s00100"]
    tab.fill("#search", "")
    tab.select_option("#slice", "category: Bo")
    assert "100 of 200" in tab.inner_text("#count")
    tab.select_option("#sort", "id")
    assert ids(tab)[:2] == ["s00001", "s00003"]
    tab.click("#after")
    assert ids(tab)[0] == "s00051"
    assert "Page 2 of 4" in tab.inner_text("#place")
    tab.select_option("#error", "unreadable")
    assert 0 < len(ids(tab)) < 25


def test_an_address_brings_back_what_was_seen(opened: Open) -> None:
    made = page(*records(200))
    tab = opened(made, "#all")
    tab.select_option("#sort", "id")
    tab.fill("#search", "Town 3")
    seen, address = ids(tab), tab.evaluate("location.hash")
    assert seen == ids(opened(made, address))
    tab = opened(made, "#id=s00150")
    assert "Ada 150" in tab.inner_text(".sample.open")
    assert tab.locator(".sample.open").count() == 1


def test_keys(opened: Open) -> None:
    tab = opened(page(*records(60)), "#sort=id")
    for key in ("j", "j", "k", "j", "Enter"):
        tab.keyboard.press(key)
    assert tab.locator(".sample.open .id").inner_text() == "s00001"
    tab.keyboard.press("n")
    assert "Page 2 of 3" in tab.inner_text("#place")
    tab.keyboard.press("/")
    tab.keyboard.type("jj")
    assert tab.input_value("#search") == "jj"
    tab.keyboard.press("Escape")
    tab.keyboard.press("?")
    assert tab.locator("#help").is_visible()


def test_fields_and_differences(opened: Open) -> None:
    tab = opened(page(*records(60)), "#id=s00007")
    rows = tab.locator(".fields tbody tr")
    assert rows.locator("th").all_inner_texts() == ["name", "city", "note"]
    assert rows.first.locator("td").first.inner_text() == "Ada 7"
    tab.click(".sample.open >> text=Differences")
    kept = tab.locator(".columns pre").first.evaluate(
        "box => [...box.childNodes].filter(n => n.nodeName !== 'INS')"
        ".map(n => n.textContent).join('')"
    )
    assert '"Ada 7"' in kept


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_seen_as_text(opened: Open, hostile: str) -> None:
    tab = opened(page(*texts(60, hostile)), "#id=s0")
    assert tab.title() == "IMPROVED: made/0001"
    assert tab.locator("img, iframe, object, embed").count() == 0
    shown = tab.locator(".columns pre").nth(2).text_content()
    assert shown == hostile
    for view in ("Differences", "Scoring"):
        tab.click(f".sample.open >> text={view}")
    assert tab.title() == "IMPROVED: made/0001"


def test_a_line_of_a_megabyte_opens(opened: Open) -> None:
    tab = opened(page(*texts(20, "x" * 1_000_000)), "#id=s0")
    tab.click("text=show all")
    tab.click(".sample.open >> text=Differences")
    assert tab.locator("ins").first.inner_text() == "x" * LONGEST


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(opened: Open, scheme: str) -> None:
    tab = opened(page(*texts(60)))
    tab.emulate_media(color_scheme=scheme)
    for selector in ("p", ".quiet", "h1", ".mark.broken", "td.better a", "caption"):
        ink, paper = tab.evaluate(
            "s => [document.querySelector(s), document.body].map((e, i) => "
            "getComputedStyle(e)[i ? 'backgroundColor' : 'color'].match(/[0-9]+/g).map(Number))",
            selector,
        )
        one, other = luminance(ink), luminance(paper)
        assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5, selector


def luminance(rgb: list[int]) -> float:
    """Relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in
              (value / 255 for value in rgb[:3])]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_is_wider_than_a_telephone(opened: Open) -> None:
    tab = opened(page(*records(60, HOSTILE)), "#id=s00003")
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_print_shows_the_opened_sample_only(opened: Open) -> None:
    tab = opened(page(*texts(120)), "#id=s20")
    tab.emulate_media(media="print")
    visible = tab.evaluate(
        "[...document.querySelectorAll('.sample')].filter(e => e.offsetHeight).length"
    )
    assert visible == 1
    assert not tab.locator("#controls").is_visible()
