// Bundles the unit tests and runs them with Node's own runner: no test framework to install.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const files = (await readdir(path.join(here, "test"))).filter((f) => /\.test\.tsx?$/.test(f)).sort();
// Inside node_modules, so that what stays external resolves as it does for the sources.
const out = await mkdtemp(path.join(here, "node_modules", ".baton-test-"));
try {
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: files.map((f) => `test/${f}`),
    bundle: true,
    platform: "node",
    format: "esm",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
  });
  const built = files.map((f) => path.join(out, f.replace(/\.tsx?$/, ".mjs")));
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...built], { stdio: "inherit" });
  process.exitCode = run.status ?? 1;
} finally {
  await rm(out, { recursive: true, force: true });
}
