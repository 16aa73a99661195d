"""License errors that seatkeeper never tells can still be explained to whoever finds them in a log of another program.

They are told by FlexNet's older libraries, by publishers' license generators, by dongles and by trusted storage (facts,
FlexNet 7.2). Where seatkeeper does otherwise, the remedy says so.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FOREIGN_CASES"]

#: Number -> (what is behind it, what to do about it).
FOREIGN_CASES: Final[dict[int, tuple[str, str]]] = {
    -27: (
        "An old library could not open the kernel's memory to read a host id.",
        "Update the application; no current one reads a host id there.",
    ),
    -28: (
        "An old library looked for a symbol in the kernel's memory, and it was not there.",
        "Update the application to a release for this operating system.",
    ),
    -43: (
        "The application was built without the key data of its license library.",
        "Ask the application's vendor for a complete build; no license file helps.",
    ),
    -44: (
        "The application's built-in key data do not fit its license library.",
        "Ask the application's vendor for a correct build; the license file is not at fault.",
    ),
    -46: (
        "The application was built with a demonstration toolkit.",
        "Ask its vendor for the release build.",
    ),
    -47: (
        "The library could not check whether the clock was set back.",
        "Let the account read the system's directories, whose dates are compared.",
    ),
    -49: (
        "A date in its packed form inside a license key cannot be read.",
        "Ask the issuer for a new line; such keys come from files before release 6.",
    ),
    -50: (
        "The key data that the publisher got for its toolkit have run out.",
        "Ask the application's vendor for a build with current key data.",
    ),
    -51: (
        "The program used its license library before it had prepared it.",
        "Report it to the application's vendor: it is a mistake in the program.",
    ),
    -54: (
        "The license file needs a FEATURESET line, and has none.",
        "Ask the vendor for the file with that line; seatkeeper does not use FEATURESET.",
    ),
    -55: (
        "The FEATURESET line does not fit the features of the file.",
        "Put back all lines of the file as they were issued: that line counts every one of them.",
    ),
    -56: (
        "The list of features that a FEATURESET line is made of could not be computed.",
        "Ask the vendor for a new file; a feature line of it cannot be read.",
    ),
    -58: (
        "The operating system refused to set an option of a network connection.",
        "Look for a security product that interferes with the network of this program.",
    ),
    -59: (
        "A message between client and daemon arrived altered.",
        "Look for a proxy or packet filter that rewrites the connection; then for bad memory.",
    ),
    -60: (
        "A message from the license server did not have the checksum that it says.",
        "Check that both sides are of one release; then for a filter that changes packets on the server's side.",
    ),
    -65: (
        "The program was compiled with declarations of another release of its license library.",
        "Report it to the application's vendor: the build is inconsistent.",
    ),
    -66: (
        "The program found another release of the license library than it was linked for.",
        "Install the library that came with the application; look for an older one earlier on the search path.",
    ),
    -69: (
        "A dongle-locked license that floats (FLOAT_OK) was to be used without a server, on the server's machine.",
        "Start lmgrd there, and let the application ask it.",
    ),
    -72: (
        "The application's vendor code has the form of an older toolkit.",
        "Ask the application's vendor for a build with current vendor keys.",
    ),
    -73: (
        "A filter inside the application refused the checkout before any server was asked.",
        "Ask the application's vendor what its own filter wants.",
    ),
    -75: (
        "A system call of VMS failed.",
        "Look at the operator log of that machine.",
    ),
    -91: (
        "The publisher's seeds for signing are not three different numbers.",
        "This is for the license generator's owner: draw new seeds. seatkeeper signs with Ed25519 and has none.",
    ),
    -94: (
        "A license was to be generated with attributes that exclude each other.",
        "Correct the order; `seatkeeper order check` names the attributes.",
    ),
    -98: (
        "This license line has content for which the decimal format has no room.",
        "Keep the line in readable form; both forms mean the same.",
    ),
    -99: (
        "A license in decimal form was typed with a mistake, or is not complete.",
        "Compare every group of digits with the original; a readable line is the safer form.",
    ),
    -102: (
        "A license that is locked to a dongle was to be borrowed, which moves the right without the dongle.",
        "Take the dongle along instead, or borrow a license that is not locked to one.",
    ),
    -103: (
        "The application runs in a remote session (Terminal Server), and its node-locked license does not allow that.",
        "Run it at the machine's own console, or order the license with TS_OK.",
    ),
    -110: (
        "The dongle that the license is locked to is not plugged in.",
        "Plug it into this machine; compare its number with HOSTID on the line.",
    ),
    -112: (
        "The dongle's driver is not installed, or does not run.",
        "Install the driver of the dongle's maker, then plug the dongle in again.",
    ),
    -113: (
        "Two FLEXlock licenses were met, where one program may have only one.",
        "Remove the older of the two from the license path.",
    ),
    -115: (
        "The public key in the application cannot check the signature of the line.",
        "Ask the vendor for a line that was signed for this release of the application.",
    ),
    -116: (
        "The kind of signature (CRO or TRL) is one that this application was not built for.",
        "Ask the vendor for the line with a signature that the application knows.",
    ),
    -121: (
        "FLOAT_OK stands on a line that is not locked to exactly one dongle.",
        "Ask the vendor for a line whose HOSTID is a single FLEXID.",
    ),
    -126: (
        "No composite host id could be computed, since a part of it is missing on this machine.",
        "Bring up the card or disk that the vendor's host id tool uses, then run that tool again.",
    ),
    -127: (
        "A part of the composite host id of the license could not be determined.",
        "Compare with what the vendor's host id tool prints today, and order anew if the hardware changed.",
    ),
    -129: (
        "The library's event log could not be opened.",
        "Let the account write the directory of that log.",
    ),
    -130: (
        "The library's event log could not be written.",
        "Look for a full disk, or for a log that another account owns.",
    ),
    -131: (
        "The library was told to write an event log and not where.",
        "Name the log's directory in the application's settings, or switch the log off.",
    ),
    -135: (
        "A license for a single composite host id cannot carry a signature of an older format.",
        "This is for the issuer: leave the older signature out.",
    ),
    -136: (
        "An uncounted license cannot carry a signature of an older format.",
        "This is for the issuer: sign uncounted lines in the current format only.",
    ),
    -138: (
        "The 7.1 license key of the line (V71_LK) does not fit its content.",
        "Restore the line; applications of release 7.1 check this key.",
    ),
    -139: (
        "The 7.1 signature of the line (V71_SIGN) does not fit its content.",
        "Restore the line; applications of release 7.1 check this signature.",
    ),
    -140: (
        "The 8.0 license key of the line (V80_LK) does not fit its content.",
        "Restore the line; applications of release 8.0 check this key.",
    ),
    -141: (
        "The 8.0 signature of the line (V80_SIGN) does not fit its content.",
        "Restore the line; applications of release 8.0 check this signature.",
    ),
    -142: (
        "The 8.1 license key of the line (V81_LK) does not fit its content.",
        "Restore the line; applications of release 8.1 check this key.",
    ),
    -143: (
        "The 8.1 signature of the line (V81_SIGN) does not fit its content.",
        "Restore the line; applications of release 8.1 check this signature.",
    ),
    -144: (
        "The second 8.1 signature of the line (V81_SIGN2) does not fit its content.",
        "Restore the line; some vendors sign twice, and both signatures count.",
    ),
    -145: (
        "The 8.4 license key of the line (V84_LK) does not fit its content.",
        "Restore the line; applications of release 8.4 check this key.",
    ),
    -146: (
        "The 8.4 signature of the line (V84_SIGN) does not fit its content.",
        "Restore the line; applications of release 8.4 check this signature.",
    ),
    -147: (
        "The second 8.4 signature of the line (V84_SIGN2) does not fit its content.",
        "Restore the line; it is signed twice, and the first signature alone is not enough.",
    ),
    -148: (
        "The license line has no key where the application needs one beside the signature.",
        "Ask the vendor for a line with a license key; it stands before SIGN.",
    ),
    -149: (
        "The AUTH={...} part of the line, for a vendor daemon of common kind, does not fit its content.",
        "Restore the line as it was issued, braces and all.",
    ),
    -150: (
        "The license is meant for trusted storage, which this program does not have.",
        "Ask the vendor for a license file; seatkeeper serves license files only.",
    ),
}
