// Builds what the package exports, its command, and the page that the service serves, into dist/. npm runs it
// after `npm ci` and before `npm pack`, with whatever Node npm itself runs on.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, rmSync } from "node:fs";

const root = new URL("../", import.meta.url);
const compiler = new URL("node_modules/typescript/bin/tsc", root);

const run = (program, ...args) => {
  const path = new URL(`node_modules/${program}`, root).pathname;
  return spawnSync(process.execPath, [path, ...args], { cwd: root, stdio: "inherit" }).status ?? 1;
};

if (existsSync(compiler)) {
  rmSync(new URL("dist/", root), { recursive: true, force: true });
  const projects = ["tsconfig.build.json", "tsconfig.cli.json"];
  const compiled = projects.map((project) => run("typescript/bin/tsc", "-p", project));
  chmodSync(new URL("dist/cli/main.js", root), 0o755);
  for (const folder of ["beach", "google"]) {
    cpSync(new URL(`src/gen/${folder}/`, root), new URL(`dist/gen/${folder}/`, root), {
      recursive: true,
    });
  }
  const config = "src/page/vite.config.ts";
  process.exitCode =
    compiled.find((status) => status !== 0) ??
    run("vite/bin/vite.js", "build", "-c", config, "-l", "warn");
} else {
  // The service runs from its sources. Without the page, its place says how to build it.
  process.stdout.write("dist/ is not built: that needs the devDependencies\n");
}
