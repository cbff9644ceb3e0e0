// Files come as these; browsers and Node have them alike.

declare class Blob {
  constructor(parts?: readonly (Uint8Array<ArrayBuffer> | Blob)[], options?: { type?: string });
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number, type?: string): Blob;
  arrayBuffer(): Promise<ArrayBuffer>;
}
