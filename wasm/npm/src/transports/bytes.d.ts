import type { Transport } from "../../driver.js";

// A Blob or a File, where there are such.
interface BlobLike {
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A TXT record: text, octets, or an array of its strings. */
export type SuppliedRecord = string | Uint8Array | ArrayBuffer | readonly (string | Uint8Array | ArrayBuffer)[];

export interface Supplied {
  /** The TXT records of `_mta-sts`: null is "there are none". */
  txt?: SuppliedRecord | readonly SuppliedRecord[] | null;
  /** The policy. Text was copied and is not exact; octets and files are. */
  policy?: string | Uint8Array | ArrayBuffer | BlobLike;
  vantage?: string;
}

/** Evidence given by hand, of one kind or both. It never enters the cache. */
export default function bytes(supplied?: Supplied): Transport[];
