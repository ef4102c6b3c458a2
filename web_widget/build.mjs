// Builds every page into dist/: the loader at a stable name, everything else under a name that carries its hash.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "dist");
const assets = path.join(out, "assets");

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  charset: "utf8",
  legalComments: "none",
  target: ["chrome111", "firefox113", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
};

/** A style sheet that a script imports becomes its minified text, for `CSSStyleSheet.replaceSync`. */
const sheets = {
  name: "sheets",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path: file }) => {
      const { outputFiles } = await esbuild.build({ ...common, entryPoints: [file] });
      return { contents: outputFiles[0].text, loader: "text" };
    });
  },
};

async function bundle(entry, extra = {}) {
  const result = await esbuild.build({ ...common, entryPoints: [entry], ...extra });
  return result.outputFiles[0].contents;
}

async function hashed(name, extension, contents) {
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${extension}`;
  await writeFile(path.join(assets, file), contents);
  report(file, contents);
  return `assets/${file}`;
}

function report(file, contents) {
  const gzip = gzipSync(contents, { level: 9 }).length;
  process.stdout.write(`${file}  ${contents.length} bytes, ${gzip} gzip\n`);
}

async function page(name, names) {
  let html = await readFile(path.join(here, "src", name, `${name}.html`), "utf8");
  for (const [mark, value] of Object.entries(names)) html = html.replaceAll(`{{${mark}}}`, value);
  const left = /\{\{\w+\}\}/.exec(html);
  if (left) throw new Error(`${name}.html: nothing to put in for ${left[0]}`);
  await writeFile(path.join(out, `${name}.html`), html);
}

await rm(out, { recursive: true, force: true });
await mkdir(assets, { recursive: true });

const panel = await hashed("panel", "js", await bundle("src/widget/panel.tsx", { format: "iife", plugins: [sheets] }));
const loader = await bundle("src/widget/loader.ts", {
  format: "iife",
  plugins: [sheets],
  define: { PANEL_PATH: JSON.stringify(panel) },
});
await writeFile(path.join(out, "widget.js"), loader);
report("widget.js", loader);

await page("console", {
  script: await hashed("console", "js", await bundle("src/console/main.tsx", { format: "esm" })),
  style: await hashed("console", "css", await bundle("src/console/console.css")),
});
await page("studio", {
  script: await hashed("studio", "js", await bundle("src/studio/main.tsx", { format: "esm" })),
  style: await hashed("studio", "css", await bundle("src/studio/studio.css")),
});
await page("demo", {
  script: await hashed("demo", "js", await bundle("src/demo/demo.ts", { format: "esm" })),
  style: await hashed("demo", "css", await bundle("src/demo/demo.css")),
});
