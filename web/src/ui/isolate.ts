// Scripts that are written from right to left (Unicode, Scripts.txt), as far as anybody
// has a name in them.
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\p{Script=Mandaic}\p{Script=Samaritan}]/u;

/**
 * A name within a sentence, so that neither changes the order of the other: between
 * U+2068 and U+2069 where it is written from right to left (UAX #9 §2.7).
 */
export function isolate(name: string): string {
  return rightToLeft.test(name) ? `\u2068${name}\u2069` : name;
}
