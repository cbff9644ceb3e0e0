/** A zip file of texts, without compression: what a call holds is small, and every system opens it. */

const LOCAL = 0x04034b50;
const ENTRY = 0x02014b50;
const END = 0x06054b50;
/** Version 2.0; names are UTF-8. */
const VERSION = 20;
const UTF8 = 0x0800;

interface Part {
  readonly name: Uint8Array<ArrayBuffer>;
  readonly data: Uint8Array<ArrayBuffer>;
  /** What both of its headers say. */
  readonly said: readonly number[];
  /** Where it begins. */
  readonly at: number;
}

/** `files` are name and text; `when` is told as the time of each. */
export function zip(files: ReadonlyMap<string, string>, when: Date): Blob {
  const encoder = new TextEncoder();
  const parts: Part[] = [];
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  const put = (piece: Uint8Array<ArrayBuffer>): void => {
    pieces.push(piece);
    at += piece.length;
  };
  for (const [title, text] of files) {
    const [name, data] = [encoder.encode(title), encoder.encode(text)];
    const said = [crc32(data), data.length, data.length];
    parts.push({ name, data, said, at });
    put(header([LOCAL, 4], [VERSION, 2], [UTF8, 2], [0, 2], ...dos(when), ...said.map((n) => [n, 4] as const), [name.length, 2], [0, 2]));
    put(name);
    put(data);
  }
  const begin = at;
  for (const { name, said, at: where } of parts) {
    put(header(
      [ENTRY, 4], [VERSION, 2], [VERSION, 2], [UTF8, 2], [0, 2], ...dos(when), ...said.map((n) => [n, 4] as const), [name.length, 2],
      [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [where, 4],
    )); // prettier-ignore
    put(name);
  }
  const size = at - begin;
  put(header([END, 4], [0, 2], [0, 2], [parts.length, 2], [parts.length, 2], [size, 4], [begin, 4], [0, 2]));
  return new Blob(pieces, { type: "application/zip" });
}

type Field = readonly [value: number, bytes: number];

/** Little end first. */
function header(...fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(fields.flatMap(([value, bytes]) => Array.from({ length: bytes }, (_, place) => (value >>> (8 * place)) & 0xff)));
}

function dos(when: Date): readonly Field[] {
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  const day = ((when.getFullYear() - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate();
  return [[time, 2], [day, 2]];
}

function crc32(data: Uint8Array): number {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
