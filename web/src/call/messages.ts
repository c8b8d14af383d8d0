import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ClientMessageSchema,
  ServerMessageSchema,
  type ClientMessage,
  type ServerMessage,
} from "../proto/umbrella/v1/signal_pb";

/** What a browser can say, by its case and plain value. */
export type ClientBody = NonNullable<MessageInitShape<typeof ClientMessageSchema>["message"]>;

/** What a node says: one case with its value. */
export type ServerBody = Exclude<ServerMessage["message"], { case: undefined }>;

export function clientMessage(message: ClientBody): ClientMessage {
  return create(ClientMessageSchema, { message });
}

export function encode(body: ClientBody): Uint8Array<ArrayBuffer> {
  return toBinary(ClientMessageSchema, clientMessage(body));
}

/** Reads one message; null for one that this client does not know. */
export function decode(data: ArrayBuffer): ServerBody | null {
  const { message } = fromBinary(ServerMessageSchema, new Uint8Array(data));
  return message.case === undefined ? null : message;
}
