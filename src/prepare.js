// Builds what the package exports into dist/. npm runs it after `npm ci` and before `npm pack`, with
// whatever Node npm itself runs on.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";

const root = new URL("../", import.meta.url);
const compiler = new URL("node_modules/typescript/bin/tsc", root);

if (existsSync(compiler)) {
  rmSync(new URL("dist/", root), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler.pathname, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  for (const folder of ["beach", "google"]) {
    cpSync(new URL(`src/gen/${folder}/`, root), new URL(`dist/gen/${folder}/`, root), {
      recursive: true,
    });
  }
  process.exitCode = status ?? 1;
} else {
  // The service runs from its sources and needs none of it.
  process.stdout.write("dist/ is not built: that needs the devDependencies\n");
}
