import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../ui/controls";
import { change } from "./api";
import { invitationState, rightsWords, type KnownInvitation } from "./invitations";
import { Cell, Complaint } from "./section";

interface Props {
  invitations: readonly KnownInvitation[];
  onMake: () => void;
  onRevoke: (invitation: KnownInvitation) => void;
}

const date = (when: string) => new Date(when).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** The invitations that are out, and where more are made. */
export function InvitationsView({ invitations, onMake, onRevoke }: Props): JSX.Element {
  return (
    <section aria-labelledby="invitations">
      <header class="section-head">
        <h2 id="invitations">Invitations</h2>
        <button type="button" class="button button-main" onClick={onMake}>
          Make an invitation
        </button>
      </header>
      <p class="hint">
        An invitation is a link to a room. Whoever opens it comes in without a password, for as long as you say, or until you revoke it. Those
        that moderators make in a call are here as well.
      </p>
      {invitations.length === 0 ? (
        <p class="card empty">No invitation is out.</p>
      ) : (
        <div class="table trunk-table">
          <table role="table" aria-labelledby="invitations">
            <thead role="rowgroup">
              <tr role="row">
                {["Room", "Guest", "May", "Made", "Ends", "State"].map((c) => (
                  <th key={c} role="columnheader" scope="col">
                    {c}
                  </th>
                ))}
                <th role="columnheader" scope="col">
                  <span class="heard">Change</span>
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {invitations.map((i) => (
                <tr key={i.id} role="row" data-invitation={i.id} data-revoked={i.revoked !== null}>
                  <th role="rowheader" scope="row">
                    <span class="trunk-name">{i.room === "*" ? "All rooms" : i.room}</span>
                  </th>
                  <Cell name="Guest" words={i.name || (i.once ? "one guest" : "anybody")} />
                  <Cell name="May" words={rightsWords(i.rights)} />
                  <Cell name="Made" words={`${date(i.made)} by ${i.by}`} />
                  <Cell name="Ends" words={date(i.ends)} />
                  <Cell name="State" words={invitationState(i)} />
                  <td role="cell" class="trunk-actions">
                    {i.revoked === null && (
                      <span class="cell">
                        <button type="button" class="link" aria-label={`Revoke the invitation to ${i.room}`} onClick={() => onRevoke(i)}>
                          Revoke
                        </button>
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface QuestionProps {
  invitation: KnownInvitation;
  onClose: () => void;
  onDone: (words: string) => void;
}

/** Asks whether an invitation is to end. */
export function RevokeQuestion({ invitation, onClose, onDone }: QuestionProps): JSX.Element {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const revoke = async () => {
    setBusy(true);
    const outcome = await change("DELETE", `invitations/${encodeURIComponent(invitation.id)}`);
    setBusy(false);
    if (outcome.ok) onDone(`The invitation to ${invitation.room} was revoked. ${outcome.problem}`.trim());
    else setError(outcome.error);
  };
  return (
    <Dialog title={`Revoke the invitation to ${invitation.room}?`} onClose={onClose}>
      <div class="stack">
        <p>Nobody comes in by it any more, nor by invitations that its guest has made. Those who are in the room stay: a moderator can remove them.</p>
        <Complaint words={error} />
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Keep it
          </button>
          <button type="button" class="button button-danger" disabled={busy} onClick={() => void revoke()}>
            {busy ? "Revoking…" : "Revoke"}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
