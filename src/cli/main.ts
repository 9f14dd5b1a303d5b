#!/usr/bin/env node
import { Output } from "./output.ts";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), new Output(process.stdout, process.stderr));
