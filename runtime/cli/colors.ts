/** Colours, for who reads on a terminal or asks for them with FORCE_COLOR; never where NO_COLOR is set. */
import pc from "picocolors";

/** For standard output. */
export const outColors = colorsFor(process.stdout);
/** For standard error, which may be read elsewhere. */
export const errorColors = colorsFor(process.stderr);

/** picocolors alone takes every machine on which CI is set for one with a person before it. */
function colorsFor({ isTTY }: NodeJS.WriteStream) {
  return pc.createColors(pc.isColorSupported && (isTTY || Boolean(process.env["FORCE_COLOR"])));
}
