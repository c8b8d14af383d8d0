import "../styles/login.css";
import { logIn } from "./login";

const form = document.querySelector("form");
const field = form?.querySelector<HTMLInputElement>("[name=password]");
const button = form?.querySelector("button");
const problem = document.getElementById("problem");

if (form && field && button && problem) {
  const complain = (words: string) => {
    problem.textContent = words;
    field.setAttribute("aria-invalid", String(words !== ""));
  };
  button.disabled = false;
  delete button.dataset.starting;
  // What was wrong belongs to what was typed then.
  field.addEventListener("input", () => complain(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    complain("");
    button.disabled = true;
    void logIn(field.value).then((words) => {
      // The address stays: this page stands in for the one that was asked for.
      if (words === "") {
        location.reload();
        return;
      }
      button.disabled = false;
      complain(words);
      field.select();
    });
  });
}
