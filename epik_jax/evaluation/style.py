"""The style sheet of the report page.

Plain CSS without anything to fetch: colours follow the reader's light or dark setting,
fonts are those that readers of the five scripts are likely to have.
"""

CSS = """
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #59636e; --line: #d8dee4; --page: #fbfbf9; --card: #ffffff;
  --subject: #0b6e75; --chain: #b4560e; --other: #6e7781;
  --s0: #0b6e75; --s1: #b4560e; --s2: #6b4fbb; --s3: #2f7d32; --s4: #b02a5b;
  --right: #1a7f37; --right-bg: #e3f4e7; --wrong: #b3261e; --wrong-bg: #fbe9e7;
  --even-bg: #eef1f4; --heat-cer: 201 92 28; --heat-top1: 14 122 130;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8eb; --soft: #9ea7b1; --line: #343b43; --page: #14171a; --card: #1b1f24;
    --subject: #4fc3ca; --chain: #f0a35e; --other: #8b949e;
    --s0: #4fc3ca; --s1: #f0a35e; --s2: #b39ddb; --s3: #81c784; --s4: #f48fb1;
    --right: #6fd58a; --right-bg: #17301f; --wrong: #ff9a8f; --wrong-bg: #3a1d1b;
    --even-bg: #272d34; --heat-cer: 214 106 42; --heat-top1: 30 138 146;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "DejaVu Sans", "Noto Sans Devanagari", "Lohit Devanagari", "Noto Sans Tamil",
    "Lohit Tamil", "Noto Sans Kannada", "Lohit Kannada", "Noto Sans Bengali",
    "Lohit Bengali", "Nirmala UI", "Kohinoor Devanagari", "Tamil Sangam MN",
    "Kannada Sangam MN", "Bangla Sangam MN", sans-serif;
}
:lang(hi) { font-family: "Noto Sans Devanagari", "Lohit Devanagari", "Nirmala UI",
  "Kohinoor Devanagari", Mangal, sans-serif; }
:lang(ta) { font-family: "Noto Sans Tamil", "Lohit Tamil", "Nirmala UI",
  "Tamil Sangam MN", Latha, sans-serif; }
:lang(kn) { font-family: "Noto Sans Kannada", "Lohit Kannada", "Nirmala UI",
  "Kannada Sangam MN", Tunga, sans-serif; }
:lang(bn) { font-family: "Noto Sans Bengali", "Lohit Bengali", "Nirmala UI",
  "Bangla Sangam MN", Vrinda, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 36px 24px 72px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; }
h2 { font-size: 21px; margin: 52px 0 6px; padding-top: 18px;
  border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 0 0 8px; }
p, .note { max-width: 78ch; margin: 6px 0 12px; }
.note, .soft { color: var(--soft); font-size: 13.5px; }
code, .sig { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono",
  monospace; overflow-wrap: anywhere; }
a { color: var(--subject); }
dl.run { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px;
  margin: 18px 0 0; font-size: 13.5px; }
dl.run dt { color: var(--soft); } dl.run dd { margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; gap: 14px; margin: 26px 0 0;
  grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); }
.tile, .card { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: 14px 16px; min-width: 0; }
.tile b { display: block; font-size: 30px; line-height: 1.2; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tile span { display: block; font-size: 13px; color: var(--soft); }
.tile .name { color: var(--ink); font-weight: 600; margin-bottom: 4px; }
.chip { display: inline-block !important; border-radius: 99px; padding: 1px 9px;
  font-size: 12px !important; font-weight: 600; background: var(--even-bg);
  color: var(--soft); white-space: nowrap; }
.chip.better { background: var(--right-bg); color: var(--right) !important; }
.chip.worse { background: var(--wrong-bg); color: var(--wrong) !important; }
.wide { overflow-x: auto; margin: 10px 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide > table { width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; font-size: 13px; vertical-align: bottom; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--line); }
td { vertical-align: top; }
td.pair { min-width: 84px; } td.system { min-width: 180px; }
td.num, th.num { text-align: right; white-space: nowrap; }
td.num small, td small { display: block; color: var(--soft); font-size: 12px; }
tr.subject td:first-child, tr.subject td.num { font-weight: 650; }
tr.subject td small { font-weight: 400; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px;
  margin-right: 8px; background: var(--other); }
.dot.oracle { background: none; border: 2px solid var(--other); }
.dot.subject { background: var(--subject); } .dot.chain { background: var(--chain); }
.grid { display: grid; gap: 16px; margin: 14px 0;
  grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); }
.grid.half { grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); }
.matrices { display: flex; flex-wrap: wrap; gap: 12px 28px; }
table.heat { font-size: 13px; }
table.heat caption { caption-side: top; text-align: left; color: var(--soft);
  font-size: 12.5px; padding-bottom: 4px; }
table.heat th, table.heat td { border: 2px solid var(--card); padding: 0; height: 32px;
  min-width: 40px; text-align: center; vertical-align: middle; font-size: 12.5px;
  font-weight: 400; }
table.heat th { color: var(--soft); font-weight: 600; min-width: 28px; }
table.heat td { border-radius: 5px; }
table.heat td.none { background: var(--even-bg); opacity: .5; }
.heat-cer td.v { background: rgb(var(--heat-cer) / var(--a)); }
.heat-top1 td.v { background: rgb(var(--heat-top1) / var(--a)); }
table.heat.attention td { min-width: 30px; height: 30px; font-size: 10.5px;
  color: var(--soft); }
table.heat.attention td.v { background: rgb(var(--heat-top1) / var(--a)); }
table.heat.attention td.strong { color: var(--ink); }
table.heat.attention th { font-size: 17px; color: var(--ink); font-weight: 400; }
td.word { font-size: 17px; line-height: 1.55; white-space: nowrap; }
td.word.several { white-space: normal; } .whole { white-space: nowrap; }
td.word, td.pair, td.pivot { vertical-align: middle; }
td.pivot, td.pivot small { white-space: nowrap; }
.right { color: var(--right); } .wrong { color: var(--wrong); }
td.right .w { background: var(--right-bg); }
td.wrong .w { background: var(--wrong-bg); }
.w { border-radius: 5px; padding: 2px 7px; display: inline-block; }
.w.missing { font-size: 13px; font-style: italic; }
.entity { background: var(--even-bg); padding: 0 5px; }
small.who, small.type { display: inline; }
.type { color: var(--subject); margin-left: 3px; font-weight: 600; }
.mark { font-size: 12px; margin-left: 5px; }
.pair { white-space: nowrap; color: var(--soft); font-size: 13px; }
.shares { display: flex; height: 30px; border-radius: 6px; overflow: hidden;
  margin: 10px 0 6px; font-size: 12.5px; font-weight: 600; }
.shares div { display: flex; align-items: center; justify-content: center; gap: 4px;
  min-width: 0; overflow: hidden; white-space: nowrap; }
.share-both { background: var(--right-bg); color: var(--right); }
.share-first { background: var(--subject); color: var(--card); }
.share-second { background: var(--chain); color: var(--card); }
.share-neither { background: var(--even-bg); color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px;
  margin: 0 0 6px; color: var(--soft); }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-family: inherit; }
svg text.ink { fill: var(--ink); }
svg text.strong { fill: var(--ink); font-weight: 650; }
svg .axis { stroke: var(--line); } svg .zero { stroke: var(--soft); }
svg .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.k0 { stroke: var(--s0); } .k1 { stroke: var(--s1); } .k2 { stroke: var(--s2); }
.k3 { stroke: var(--s3); } .k4 { stroke: var(--s4); }
.d1 { stroke-dasharray: 6 3; } .d2 { stroke-dasharray: 2 3; }
.dot { fill: var(--s0); }
svg.key { display: inline-block; width: 22px; height: 10px; margin-right: 6px; }
.bar-subject { fill: var(--subject); } .bar-chain { fill: var(--chain); }
.bar-other { fill: var(--other); }
.range { stroke: var(--other); stroke-width: 2; }
.range.better { stroke: var(--right); }
.range.worse { stroke: var(--wrong); }
.point { fill: var(--other); } .point.better { fill: var(--right); }
.point.worse { fill: var(--wrong); }
details { margin: 12px 0; } summary { cursor: pointer; color: var(--subject);
  font-size: 14px; }
dl.terms dt { font-weight: 600; margin-top: 12px; }
dl.terms dd { margin: 0; max-width: 80ch;
  color: var(--soft); font-size: 14px; }
ul.sigs { list-style: none; padding: 0; margin: 8px 0; }
footer { margin-top: 48px; color: var(--soft); font-size: 13px; }
@media print { main { max-width: none; } .card, .tile, tr { break-inside: avoid; } }
"""
