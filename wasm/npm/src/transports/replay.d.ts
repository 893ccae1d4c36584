import type { Observation, Transport } from "../../driver.js";

/** Observations as plain data: octets are `{base64}`. */
export interface RecordedEvidence {
  format: "mta-sts-evidence";
  version: 1;
  observations: unknown[];
}

/** Answers recorded evidence again, given as data or as its JSON text. Throws if it is none. It never enters the cache. */
export default function replay(recorded: RecordedEvidence | string): Transport[];

/** A result's `evidence`, ready for `JSON.stringify`. */
export function evidenceToJSON(evidence: readonly Observation[]): RecordedEvidence;

/** And back. Throws if it is no recorded evidence. */
export function evidenceFromJSON(recorded: RecordedEvidence | string): Observation[];
