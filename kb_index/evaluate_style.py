"""The style sheet of the report's page."""

from __future__ import annotations

from typing import Final

PAGE_STYLE: Final = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #1f2933; --soft: #52606d; --line: #d5dbe1;
  --link: #1d5fd1; --good: #2b7a3f; --bad: #b4430f; --heat: 180, 67, 15 }
@media (prefers-color-scheme: dark) { :root { --ground: #10151b; --card: #171d24; --ink: #e6eaef; --soft: #a7b3c0;
  --line: #333d49; --link: #82aeff; --good: #77d08c; --bad: #ff9d6e; --heat: 255, 157, 110 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; display: grid; gap: 1rem }
main > * { min-width: 0 }
header { padding: .5rem 0 }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2; text-wrap: balance }
h2 { margin: 0 0 .75rem; font-size: 1.25rem }
h3 { margin: 1.5rem 0 .25rem; font-size: 1rem }
.kicker { margin: 0 0 .25rem; color: var(--soft); font-size: .875rem; overflow-wrap: anywhere }
.lead { margin: 0; font-size: 1.125rem; max-width: 44rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem }
.note { margin-top: 1rem; padding: .75rem 1rem; border-left: 4px solid var(--soft); background: var(--card); border-radius: 0 8px 8px 0 }
.note p { margin: 0 }
.note.good { border-color: var(--good) }
.note.bad { border-color: var(--bad) }
.definition, .advice { margin: .25rem 0 .75rem; color: var(--soft); font-size: .875rem; max-width: 46rem }
.advice { scroll-margin-top: 4rem }
figure { margin: 0 }
#more { display: grid; gap: 2rem; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)) }
#more h2 { grid-column: 1 / -1; margin: 0 0 -1rem }
#figures svg.chart { max-width: 34rem }
figcaption { font-weight: 600; margin-bottom: .5rem }
a { color: var(--link) }
summary { cursor: pointer; padding: .5rem 0; border-radius: 4px }
summary:focus-visible, a:focus-visible, .wide:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
summary span { display: inline-block; min-width: 2rem; margin-left: .25rem; padding: 0 .5rem; border-radius: 1rem;
  background: var(--ground); border: 1px solid var(--line); font-size: .8125rem; text-align: center; font-variant-numeric: tabular-nums }
.fate { border-top: 1px solid var(--line) }
.fate > summary { padding: .75rem 0; font-weight: 600 }
.fate > details { margin-left: 1rem }
figure details summary { color: var(--soft); font-size: .875rem }
.wide { overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { color: var(--soft); font-weight: 600 }
.said { overflow-wrap: anywhere; white-space: pre-wrap }
svg.bar { display: block; width: 8rem; height: .625rem; margin-top: .35rem; background: var(--ground); border-radius: 3px; fill: var(--soft) }
svg.bar.right, svg.bar.silent { fill: var(--good) }
svg.bar.wrong, svg.bar.unwanted { fill: var(--bad) }
.matrix { width: auto }
.matrix td, .matrix thead th { text-align: center; min-width: 2.25rem; padding: .4rem .25rem }
.matrix thead th:first-child { text-align: left }
.matrix tbody th { max-width: 20rem; color: var(--ink); font-weight: 400 }
.matrix .own { box-shadow: inset 0 0 0 2px var(--good); color: var(--soft) }
.matrix .heat0 { color: var(--soft) }
.matrix .heat1 { background: rgba(var(--heat), .12) }
.matrix .heat2 { background: rgba(var(--heat), .25) }
.matrix .heat3 { background: rgba(var(--heat), .4) }
.matrix .heat4 { background: rgba(var(--heat), .55); font-weight: 600 }
@media (max-width: 40rem) {
  main { padding: 1rem .5rem 3rem }
  section { padding: 1rem .75rem }
  h1 { font-size: 1.5rem }
  .lead { font-size: 1rem }
  .fate > details { margin-left: .25rem }
  table.stacked, .stacked tbody, .stacked tr, .stacked td { display: block }
  .stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  .stacked tr { padding: .6rem 0; border-bottom: 1px solid var(--line) }
  .stacked td { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; padding: .1rem 0; border: 0 }
  .stacked td::before { content: attr(data-name); color: var(--soft) }
  .stacked td:first-child { display: block; font-size: 1rem }
  .stacked td:first-child::before { content: none }
  .stacked svg.bar { grid-column: 2 }
  .matrix tbody th { min-width: 9rem; max-width: 11rem }
}
@media print { details { display: block } section { break-inside: avoid-page } }
""".strip()
