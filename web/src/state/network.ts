/** Phones tell when they go from Wi-Fi to the mobile network. */
export function followNetwork(onChange: () => void): void {
  const { connection } = navigator as { connection?: EventTarget & { type?: string } };
  if (!connection) return;
  let { type } = connection;
  // It also tells of every new estimate of its speed.
  connection.addEventListener("change", () => {
    if (connection.type === type) return;
    type = connection.type;
    onChange();
  });
}
