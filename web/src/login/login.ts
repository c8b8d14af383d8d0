import { sentence } from "../ui/sentence";

/** Logs in; returns why not in a sentence, or nothing. */
export async function logIn(password: string, ask: typeof fetch = fetch): Promise<string> {
  if (password === "") return "Type the password.";
  try {
    const response = await ask("login", {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ password }),
    });
    if (response.ok) return "";
    const { error } = (await response.json()) as { error?: string };
    return sentence(error ?? `the node answers with an error (${response.status})`);
  } catch {
    return "The node does not answer.";
  }
}
