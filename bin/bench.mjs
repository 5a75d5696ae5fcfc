#!/usr/bin/env node
import { runEntry } from './prepare.mjs';

await runEntry('bench/run.ts');
