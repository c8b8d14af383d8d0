import { roomNameProblem } from "../call/names";
import type { Problems } from "./api";
import type { RoomRule } from "./model";

/** One room of the settings. */
export interface RoomSection extends RoomRule {
  /** One is stored. It is never shown. */
  hasPassword: boolean;
  /** 0 is no limit. */
  maxParticipants: number;
  /** How many are in it now. */
  participants: number;
}

/** Who may enter, in words, by the option's value. */
export const accesses: [access: string, words: string][] = [
  ["lan", "Local network"],
  ["password", "With a password"],
  ["token", "By invitation"],
  ["open", "Everybody"],
];

export function accessName(access: string): string {
  return accesses.find(([value]) => value === access)?.[1] ?? access;
}

/** What the form holds: everything as it is typed. */
export interface RoomDraft {
  name: string;
  access: string;
  /** Empty: the stored one stays. */
  password: string;
  maxParticipants: string;
}

export function roomDraft(room: RoomSection | null): RoomDraft {
  if (!room) return { name: "", access: "password", password: "", maxParticipants: "" };
  return { name: room.name, access: room.access, password: "", maxParticipants: room.maxParticipants > 0 ? String(room.maxParticipants) : "" };
}

/** What is sent to the node. A password that was not typed stays as it is. */
export function roomBody({ name, access, password, maxParticipants }: RoomDraft): object {
  return {
    options: {
      name: name.trim(),
      access,
      ...(access === "password" && password ? { password } : {}),
      max_participants: maxParticipants.trim(),
    },
  };
}

export function roomProblems(draft: RoomDraft, hasPassword: boolean): Problems {
  const problems: Problems = {};
  const name = roomNameProblem(draft.name.trim());
  if (name) problems.name = name;
  if (draft.access === "password" && !draft.password && !hasPassword) problems.password = "Which password do people have to know?";
  if (draft.maxParticipants.trim() && !/^\d{1,5}$/u.test(draft.maxParticipants.trim())) problems.max_participants = "A whole number, or nothing for no limit.";
  return problems;
}
