"""What every page stands in: page config, the logo, the one stylesheet."""

import streamlit as st
from PIL import Image

_SEVEN = ("#####", "    #", "    #", "   o ", "  o  ", "  o  ", "  #  ")


def _logo() -> str:
    """A 7 of 5 x 7 squares, three of them attacked, as an SVG that fits both themes."""
    squares = "".join(
        f'<rect x="{3 * x}" y="{3 * y}" width="2.6" height="2.6" fill="{"#D4550F" if cell == "o" else "#7C889F"}"/>'
        for y, row in enumerate(_SEVEN)
        for x, cell in enumerate(row)
        if cell != " "
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 15 21" width="60" height="84">{squares}</svg>'


def _icon() -> Image.Image:
    """The same as a browser tab's picture; a Material icon there would be fetched from the internet."""
    seven = Image.new("RGBA", (7, 7))
    for y, row in enumerate(_SEVEN):
        for x, cell in enumerate(row):
            if cell != " ":
                seven.putpixel((x + 1, y), (212, 85, 15, 255) if cell == "o" else (124, 136, 159, 255))
    return seven.resize((63, 63), Image.Resampling.NEAREST)


# The Defend page's panels are as high before their answers as with them: where what stands above a list moves, the
# browser scrolls to make up for it, and a scroll closes a list that is open.
_STYLE = """<style>
.stMainBlockContainer { max-width: 1306px; padding-left: 18px; padding-right: 18px; scroll-initial-target: nearest; }
.stMainBlockContainer > .stVerticalBlock { gap: 6px; }
.stElementContainer:has(> .stHtml > style) { display: none; }
.st-key-picks { row-gap: 8px; column-gap: 8px; justify-content: space-between; }
.st-key-strip, .st-key-more-digits { flex-wrap: nowrap; gap: 5px; padding-top: 26px; }
.st-key-more-digits { gap: 14px; padding-left: 2px; }
.st-key-strip button, .st-key-more-digits button { position: relative; width: 42px; height: 42px; min-height: 42px;
  padding: 0; border-radius: 3px; }
.st-key-strip button { image-rendering: pixelated; background: #05070C center / 100% 100%; }
.st-key-strip button:hover, .st-key-strip button:focus { border-color: currentColor; color: inherit; }
.st-key-strip button p, .st-key-more-digits button p { position: absolute; left: -20px; right: -20px; top: -32px;
  font-size: 0.94rem; }
.st-key-more-digits button span { gap: 0; }
:is(.st-key-attack-pick, .st-key-budget-pick) .stHtml p { font-size: 0.94rem; margin: 0 0 1px; }
:is(.st-key-attack-pick, .st-key-budget-pick) p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
:is(.st-key-attack-pick, .st-key-budget-pick) button { padding: 0 10px;
  background: color-mix(in srgb, currentColor 6%, transparent); }
:is(.st-key-attack-pick, .st-key-budget-pick) button > div { width: 100%; }
:is(.st-key-attack-pick, .st-key-budget-pick) button > div > :first-child { justify-content: flex-start; }
.st-key-against-pick { flex-wrap: nowrap; }
.st-key-against-pick > :first-child { flex: 1; min-width: 0; }
.st-key-against-pick .stPopover button { width: 40px; padding: 0; }
.st-key-against-pick .stPopover button > div > :last-child { display: none; }
.st-key-against-pick .stPopover button .stMarkdownEllipsis { position: absolute; clip-path: inset(50%); }
.st-key-picks [role=radio][aria-checked=true] p { font-weight: 700; }
.st-key-picks [role=radio][aria-checked=true] { color: inherit; }
.st-key-knows-row p { margin: 0; white-space: nowrap; }
.st-key-knows-row [role=radio][aria-checked=true] p { font-weight: 700; }
.st-key-knows-row [role=radio][aria-checked=true] { color: inherit; }
.stAlertContainer:has([data-testid=stAlertContentInfo]) { background: color-mix(in srgb, currentColor 6%, transparent);
  padding: 8px 12px; color: inherit; }
[class*="-panel"] h3 { padding: 2px 0; }
[class*="-panel"] .stHorizontalBlock > .stElementContainer > .stMarkdown :is(div, p) { margin-bottom: 0; }
.st-key-guard-panel { min-height: 446px; }
.st-key-certificate-panel { min-height: 546px; }
.st-key-alarm-panel, .st-key-votes-panel { min-height: 508px; }
[data-testid=stPopoverBody] { max-width: min(27rem, calc(100vw - 2rem)) !important; }
.st-key-picks .stButtonGroup button, :is(.st-key-attack-pick, .st-key-budget-pick) button { min-height: 42px; }
@media (max-width: 1306px) {
  .stMainBlockContainer { padding-left: 12px; padding-right: 12px; }
  .st-key-picks { column-gap: 5px; justify-content: flex-start; }
}
@media (max-width: 640px) {
  .stMainBlockContainer { padding-left: 16px; padding-right: 16px; }
  .st-key-knows-row { margin-top: -6px; gap: 2px; }
  .st-key-knows-row > :has(.means) { display: none; }
  .st-key-knows-row button { padding: 0 11px; }
  .st-key-picks > * { flex: 1 1 40%; }
  .st-key-picks { column-gap: 8px; row-gap: 4px; margin-top: -12px; }
  .st-key-picks > :has(> .st-key-strip) { flex: 1 1 150px; min-width: 0; }
  .st-key-picks > :has(> .st-key-more-digits) { flex: 0 0 164px; }
  .st-key-strip { overflow-x: auto; scrollbar-width: none; padding: 30px 3px 4px; margin-bottom: -4px; }
}
</style>"""


def draw() -> None:
    """Set the page up; the first call of every run."""
    st.set_page_config(page_title="Epsilon Lab", page_icon=_icon(), layout="wide")
    st.html(_STYLE)
    st.logo(_logo(), size="large")
