#!/usr/bin/env node
import { runEntry } from './prepare.mjs';

await runEntry('src/main/dev.ts');
