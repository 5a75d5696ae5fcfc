/**
 * A scanner that is just good enough to judge style: it tells code from comments and literals. The code keeps its
 * length and lines, with comments and the insides of literals blanked, so that a position means the same in both.
 */
export type Literal = {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly isTemplate: boolean;
};
export type Comment = { readonly start: number; readonly text: string };
export type Scan = {
  readonly code: string;
  readonly literals: readonly Literal[];
  readonly comments: readonly Comment[];
};

export function scan(text: string): Scan {
  const code = text.split('');
  const literals: Literal[] = [];
  const comments: Comment[] = [];
  /** Templates that are open at this point, innermost last; `depth` counts the braces of its `${…}`. */
  const open: { start: number; depth: number }[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    const innermost = open.at(-1);
    if (text.startsWith('//', at)) at = comment(endOrAll(text.indexOf('\n', at), text));
    else if (text.startsWith('/*', at)) at = comment(endOrAll(text.indexOf('*/', at) + 2, text, 1));
    else if (char === "'" || char === '"') at = literal(at, endOfString(text, at), false);
    else if (char === '`') at = template(at + 1, at);
    else if (char === '/' && mayBeginRegExp(code, at)) at = blank(at + 1, endOfRegExp(text, at)) + 1;
    else {
      if (innermost && char === '{') innermost.depth += 1;
      if (innermost && char === '}') innermost.depth -= 1;
      at = innermost && char === '}' && innermost.depth === 0 ? template(at + 1) : at + 1;
    }
  }
  return { code: code.join(''), literals, comments };

  function comment(end: number): number {
    comments.push({ start: at, text: text.slice(at, end) });
    return blank(at, end);
  }
  function literal(start: number, end: number, isTemplate: boolean): number {
    literals.push({ start, end, text: text.slice(start + 1, end), isTemplate });
    if (!isTemplate) blank(start + 1, end);
    return end + 1;
  }
  /** Goes on inside a template from here to its end or to its next `${`. */
  function template(from: number, begins?: number): number {
    if (begins !== undefined) open.push({ start: begins, depth: 0 });
    let end = from;
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) end += text[end] === '\\' ? 2 : 1;
    blank(from, Math.min(end, text.length));
    const innermost = open.at(-1);
    if (innermost && text[end] === '$') {
      innermost.depth = 1;
      return end + 2;
    }
    const closed = open.pop();
    return closed ? literal(closed.start, end, true) : end + 1;
  }
  function blank(from: number, to: number): number {
    for (let index = from; index < to; index += 1) if (code[index] !== '\n') code[index] = ' ';
    return to;
  }
}

/** The position of the bracket that closes the one at `open`, in code without literals; the end if there is none. */
export function closing(code: string, open: number): number {
  const pairs: Record<string, string> = { '(': ')', '[': ']', '{': '}', '<': '>' };
  const opener = code.charAt(open);
  const closer = pairs[opener];
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    if (code[at] === opener) depth += 1;
    // The arrow of a function type closes no angle bracket.
    else if (code[at] === closer && !(closer === '>' && code[at - 1] === '=')) depth -= 1;
    if (depth === 0) return at;
  }
  return code.length;
}

export type FunctionSpan = {
  readonly name: string;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
};

const controlWords = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'return', 'await', 'function']);

/** Every function with a body in braces: declarations, methods and arrows, nested ones too. */
export function functionsOf(code: string): FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  for (const match of code.matchAll(/=>\s*\{/g)) {
    const bodyStart = match.index + match[0].length - 1;
    const before = code.slice(Math.max(0, match.index - 400), match.index);
    const name = /([\w$]+)\s*(?::[^=;]*)?[=:(]\s*(?:async\s*)?[^=;]*$/.exec(before)?.[1] ?? 'an arrow function';
    spans.push({ name, start: match.index, bodyStart, end: closing(code, bodyStart) });
  }
  const heads =
    /(?:\bfunction\b\s*\*?\s*([\w$]*)|^[ \t]*(?:(?:async|static|override|get|set)\s+)*([\w$#]+))\s*(?=[(<])/gm;
  for (const match of code.matchAll(heads)) {
    const name = match[1] ?? match[2] ?? '';
    if (match[1] === undefined && controlWords.has(name)) continue;
    let at = match.index + match[0].length;
    if (code[at] === '<') at = nextSolid(code, closing(code, at) + 1);
    if (code[at] !== '(') continue;
    const bodyStart = bodyAfter(code, closing(code, at) + 1);
    if (bodyStart !== null) spans.push({ name, start: match.index, bodyStart, end: closing(code, bodyStart) });
  }
  return spans.sort((left, right) => left.start - right.start);
}

/** Where the body begins behind a parameter list, past a return type, or null if this is a call or a type. */
function bodyAfter(code: string, from: number): number | null {
  let at = nextSolid(code, from);
  if (code[at] === '{') return at;
  if (code[at] !== ':') return null;
  at += 1;
  let previous = ':';
  for (; at < code.length; at += 1) {
    const char = code.charAt(at);
    if (char === ';' || char === ')' || (char === ',' && previous !== '<')) return null;
    if (char === '{' && !/[:|&<,(=>]/.test(previous)) return at;
    if ('{([<'.includes(char)) at = closing(code, at);
    if (code.charAt(at).trim() !== '')
      previous = code.charAt(at) === '>' && code[at - 1] !== '=' ? 'type' : code.charAt(at);
  }
  return null;
}

function nextSolid(code: string, from: number): number {
  let at = from;
  while (at < code.length && code.charAt(at).trim() === '') at += 1;
  return at;
}

function endOrAll(end: number, text: string, least = 0): number {
  return end < 0 || end <= least ? text.length : end;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start] && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function mayBeginRegExp(code: readonly string[], at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (code[before] ?? '').trim() === '') before -= 1;
  if (before < 0 || '(,=:[!&|?{};~+-*%<>^'.includes(code[before] ?? '')) return true;
  const word = /[a-z]+$/.exec(code.slice(Math.max(0, before - 10), before + 1).join(''))?.[0] ?? '';
  return ['return', 'typeof', 'case', 'in', 'of', 'do', 'else'].includes(word);
}

function endOfRegExp(text: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < text.length && text[at] !== '\n' && (text[at] !== '/' || inClass)) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return at;
}
