"""The page in a real browser: on a phone, in the dark, on paper, by keyboard and without JavaScript."""

import base64
import json

import pytest

from pipeline import paths
from pipeline.stages import report

PHONE, DESK, PAPER = 390, 1200, 680  # CSS pixels; A4 between margins of 15 mm


def command(browser, name, **parameters):
    return browser.execute_cdp_cmd(name, parameters)


def resize(browser, width):
    command(browser, "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width == PHONE)


def media(browser, kind="", scheme="light"):
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}  # reduced: a click waits for no scrolling
    listed = [{"name": name, "value": value} for name, value in features.items()]
    command(browser, "Emulation.setEmulatedMedia", media=kind, features=listed)


def press(browser, key):
    """Press a key as a keyboard does: at what has the focus."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    ActionChains(browser).send_keys(getattr(Keys, key, key)).perform()


def script(browser, text, *arguments):
    return browser.execute_script(text, *arguments)


def column(browser, number, table=0):
    body = "document.querySelectorAll('table.sortable')[arguments[0]].tBodies[0]"
    return script(browser, f"return Array.from({body}.rows, row => row.cells[arguments[1]].innerText)", table, number)


def visible(browser):
    """Views of the layers that the viewer shows above the image."""
    shown = "Array.from(document.querySelectorAll('#viewer .layer')).filter(l => l.offsetWidth).map(l => l.classList[1])"
    return script(browser, f"return {shown}")


@pytest.fixture
def opened(browser, finished):
    """The page of the finished run, freshly loaded on a desk."""
    return load(browser, finished / paths.PAGE)


def load(browser, file):
    resize(browser, DESK)
    media(browser)
    for log in ("browser", "performance"):
        browser.get_log(log)  # of the pages before
    browser.get(file.resolve().as_uri())
    return browser


def complaints(browser):
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def requests(browser):
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


def test_it_asks_for_nothing_and_complains_of_nothing(opened):
    script(opened, "document.querySelectorAll('details').forEach(d => { d.open = true })")
    script(opened, "document.querySelector('table.sortable a').click()")
    assert script(opened, "return Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)")
    assert complaints(opened) == []
    asked = {url for url in requests(opened) if not url.startswith(("data:", "chrome"))}  # chrome: its own empty tab
    assert asked <= {opened.current_url.split("#")[0]}


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_it_fits_the_window(opened, width):
    resize(opened, width)
    script(opened, "document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert script(opened, "return document.documentElement.scrollWidth") <= width
    script(opened, "document.querySelector('table.sortable a').click()")
    assert script(opened, "const v = document.getElementById('viewer'); return v.scrollWidth - v.clientWidth") <= 0
    box = script(opened, "return document.getElementById('viewer').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0 and box["right"] <= width


def test_a_header_sorts_and_sorts_back(opened):
    headers = opened.find_elements("css selector", "table.sortable thead tr:last-child th")
    assert headers[3].get_attribute("aria-sort") == "ascending"
    assert column(opened, 0)[0] == "section 06"
    headers[3].find_element("tag name", "button").click()
    assert headers[3].get_attribute("aria-sort") == "descending"
    assert column(opened, 0)[-1] == "section 06"
    headers[0].find_element("tag name", "button").click()
    assert column(opened, 0) == ["007", "NA", "section 03", "section 04", "section 05", "section 06"]
    assert headers[3].get_attribute("aria-sort") is None


def test_undefined_values_stay_last(opened):
    button = opened.find_elements("css selector", "table.sortable thead tr:last-child th button")[5]  # HD95
    for _ in range(2):
        button.click()
        assert column(opened, 5)[-1] == "–"


def test_the_keyboard_sorts(opened):
    script(opened, "document.querySelectorAll('table.sortable thead button')[2].focus()")
    press(opened, "ENTER")
    assert script(opened, "return document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


def test_a_row_opens_its_picture_and_escape_closes_it(opened):
    link = opened.find_element("link text", "NA")  # of the first data set
    link.click()
    viewer = opened.find_element("id", "viewer")
    assert viewer.is_displayed() and viewer.find_element("tag name", "h2").text == "NA"
    same = "return document.querySelector('#viewer .stack img').src === document.querySelector('#nuclei-0001 img').src"
    assert script(opened, same)
    assert "Toy-Net: Dice 84.6" in viewer.text
    press(opened, "ESCAPE")
    assert not viewer.is_displayed()
    assert opened.switch_to.active_element == link


def test_keys_flip_views_and_networks_and_go_on(opened):
    opened.find_element("css selector", "td a[href='#blood-vessels-0000'], th a[href='#blood-vessels-0000']").click()
    seen = []
    for key in ("2", "3", "4", "n", "n", "1"):
        press(opened, key)
        seen.append(visible(opened))
    assert seen == [["mask"], ["prediction-0"], ["errors-0"], ["errors-1"], ["errors-2"], []]
    press(opened, "4")
    heading = opened.find_element("css selector", "#viewer h2")
    press(opened, "ARROW_RIGHT")
    assert heading.text == "section 05" and visible(opened) == ["errors-2"]  # view and network stay
    press(opened, "ARROW_RIGHT")
    assert heading.text == "section 04" and opened.find_element("css selector", "#viewer .place").text == "2 of 5"


def test_buttons_do_what_the_keys_do(opened):
    opened.find_element("css selector", "a[href='#cells-0001']").click()
    views = opened.find_elements("css selector", "#viewer .views button")
    assert [view.text for view in views] == ["1 image", "2 Grad-CAM"]
    views[1].click()
    assert visible(opened) == ["gradcam-0"]
    pressed = opened.find_elements("css selector", "#viewer .views [aria-pressed='true']")
    assert [button.text for button in pressed] == ["2 Grad-CAM"] and opened.switch_to.active_element == pressed[0]
    opened.find_element("css selector", "#viewer .next").click()
    assert opened.find_element("css selector", "#viewer h2").text != "t2"
    opened.find_element("css selector", "#viewer .close").click()
    assert not opened.find_element("id", "viewer").is_displayed()


def test_the_order_of_the_viewer_is_that_of_the_table(opened):
    opened.find_elements("css selector", "table.sortable thead tr:last-child button")[0].click()
    opened.find_element("link text", "007").click()
    names = []
    for _ in range(5):
        names.append(opened.find_element("css selector", "#viewer h2").text)
        press(opened, "ARROW_RIGHT")
    assert names == [name for name in column(opened, 0) if name != "section 06"]  # it has no picture


def test_panels_enlarge(opened):
    opened.find_element("css selector", "button.enlarge").click()  # a sheet without layers
    assert opened.find_element("css selector", "#viewer .stack img").is_displayed()
    assert not opened.find_element("css selector", "#viewer .views").is_displayed()
    press(opened, "ESCAPE")
    script(opened, "document.querySelector(\"figure.plain a[href='#nuclei-0002']\").click()")  # the panel of one image
    assert opened.find_element("css selector", "#viewer h2").text == "section 03"


def test_the_dark_scheme_changes_colours(opened):
    colours = []
    for scheme in ("light", "dark"):
        media(opened, scheme=scheme)
        style = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        colours.append(script(opened, style))
    (page, ink), (dark_page, dark_ink) = colours
    assert brightness(page) > 200 > 60 > brightness(ink)
    assert brightness(dark_page) < 60 < 200 < brightness(dark_ink)


def brightness(colour):
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) / 3


def test_nothing_is_cut_off_on_paper(opened):
    resize(opened, PAPER)
    media(opened, kind="print", scheme="dark")
    cut = "Array.from(document.querySelectorAll('.scroll, .rows, .wide, pre, img')).filter(e => e.offsetParent && %s)"
    wide = script(opened, f"return {cut % 'e.getBoundingClientRect().right > innerWidth + 1'}.map(e => e.outerHTML.slice(0, 99))")
    high = script(opened, f"return {cut % 'e.scrollHeight > e.clientHeight + 1'}.map(e => e.outerHTML.slice(0, 99))")
    inner = script(opened, f"return {cut % 'e.scrollWidth > e.clientWidth + 1'}.map(e => e.outerHTML.slice(0, 99))")
    assert (wide, high, inner) == ([], [], [])
    assert script(opened, "return document.querySelector('.params pre').offsetHeight") > 500  # the params are printed, too
    assert brightness(script(opened, "return getComputedStyle(document.body).backgroundColor")) == 255
    document = base64.b64decode(command(opened, "Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    assert document.startswith(b"%PDF")


def test_without_javascript_tables_and_pictures_are_there(browser, finished):
    command(browser, "Emulation.setScriptExecutionDisabled", value=True)
    try:
        page = load(browser, finished / paths.PAGE)
        assert not page.find_elements("css selector", "th button, button.enlarge")
        assert column(page, 0)[0] == "section 06"
        page.find_elements("css selector", ".gallery summary")[1].click()
        layer = page.find_element("css selector", "#blood-vessels-0000 .errors-2")
        assert not layer.is_displayed()
        page.find_element("css selector", ".gallery [value='errors-2']").click()
        assert layer.is_displayed()
    finally:
        command(browser, "Emulation.setScriptExecutionDisabled", value=False)


def test_a_hostile_name_runs_nothing(browser, workspace):
    hostile = "<img src=x onerror='document.title=1'>"
    per_image = paths.details("nuclei", "toy") / "per_image.csv"
    per_image.write_text(per_image.read_text().replace("007,g", f'"{hostile}",g'))
    report.main()
    page = load(browser, paths.PAGE)
    page.find_element("link text", hostile).click()
    assert page.find_element("css selector", "#viewer h2").text == hostile
    assert page.title.startswith("Report") and complaints(page) == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_page_begins_with_pictures(opened, width):
    """Image, mask and each network of the first data set stand on the first screen, and above the scores."""
    resize(opened, width)
    tile = "f => [f.innerText.split('\\n')[0], f.offsetTop + f.offsetHeight]"
    tiles = f"return Array.from(document.querySelector('.strip').children, {tile})"
    titles, bottoms = zip(*script(opened, tiles), strict=True)
    assert titles[:3] == ("image", "mask", "Toy-Net")
    assert max(bottoms) <= 844
    places = "return ['.strip', '.legend', 'table'].map(s => document.querySelector(`.overview ${s}`).offsetTop)"
    assert script(opened, places) == sorted(script(opened, places))
    assert script(opened, "return document.documentElement.scrollWidth") <= width
