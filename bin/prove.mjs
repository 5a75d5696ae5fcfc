#!/usr/bin/env node
import { runEntry } from './prepare.mjs';

await runEntry('tests/prove/run.ts');
