/** What is wrong with an intent or an entity, and at which of its fields. */
import type { WireError } from "../../shared/protocol";

export interface Fault {
  field: string;
  message: string;
}

export function faultOf(error: WireError): Fault {
  const field: unknown = error.data?.field;
  return { field: typeof field === "string" ? field : "", message: error.message };
}
