declare module "luci/qr" {
  /** Rows of modules, true for dark; null if the text is too long. */
  export function encode(text: string): boolean[][] | null;
}
