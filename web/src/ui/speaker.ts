/** Who speaks, for the speaker layout. */
export interface ActiveSpeaker {
  participantId: string;
  /** When that was last found to be so, in milliseconds. */
  heardAt: number;
}

// A cough does not take the stage from somebody who spoke just now.
const holdTime = 1_500;

/** The loudest other, unless the present speaker spoke a moment ago. */
export function nextSpeaker(
  current: ActiveSpeaker | null,
  speakers: ReadonlyMap<string, number>,
  selfId: string,
  now: number,
): ActiveSpeaker | null {
  if (current && speakers.has(current.participantId)) return { ...current, heardAt: now };
  if (current && now - current.heardAt < holdTime) return current;
  for (const participantId of speakers.keys()) {
    if (participantId !== selfId) return { participantId, heardAt: now };
  }
  return current;
}
