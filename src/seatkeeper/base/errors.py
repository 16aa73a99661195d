"""Every error that a person or a script meets has one sentence, a place, a remedy and, for licenses, a number.

Three kinds exist. `InputError` is about something that somebody wrote (a file, an option): it names the place, what
was found and what was expected. `LicenseError` is what an application or a tool is told about a license: it carries
the FlexNet number, whose low byte is the exit status of the tools. `SeatkeeperError` is the root of both, and is
raised itself where neither fits. The numbers and their meanings are those that an administrator of FlexNet knows; the
sentences are ours, except for the short texts that log readers look for (facts, FlexNet section 7).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from seatkeeper.base.dates import format_date

__all__ = [
    "HOLDERS_SHOWN_MAX",
    "LICENSE_ERRORS",
    "InputError",
    "LicenseError",
    "SeatkeeperError",
    "error_text",
    "exit_status",
    "special_remedy",
]

#: The long format names so many of a denial's holders.
HOLDERS_SHOWN_MAX: Final = 10


class SeatkeeperError(Exception):
    """The root of all errors that seatkeeper raises on purpose.

    Args:
        message: One sentence that says what is wrong.
        remedy: One sentence that says what to do; empty where nothing can be advised.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InputError(SeatkeeperError):
    """Something that a person wrote cannot be used.

    Args:
        message: What is wrong, in one sentence.
        file: The file's name as the user gave it, or the option's name.
        line: Line number from 1, or 0 where no line is meant.
        column: Column number from 1, or 0 where no column is meant.
        found: The text that stands there.
        expected: What may stand there.
        remedy: What to do about it.
    """

    def __init__(
        self, message: str, *, file: str = "", line: int = 0, column: int = 0, found: str = "", expected: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message, remedy)
        self.file = file
        self.line = line
        self.column = column
        self.found = found
        self.expected = expected

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{place}: {self.message}" if place else self.message
        if self.found or self.expected:
            found = f"found {self.found!r}" if self.found else "found nothing"
            text += f" ({found}, expected {self.expected})" if self.expected else f" ({found})"
        return f"{text} {self.remedy}".strip()


class LicenseError(SeatkeeperError):
    """A license cannot be had, or a license server cannot be asked; the number says which of the known cases it is.

    `str()` is the long client format (facts, FlexNet 7.1); `short()` is the one-line format of logs and tools.

    Args:
        number: The FlexNet number, negative.
        minor: The second number of the pair; it tells where in seatkeeper the error arose (docs/protocol.md).
        reason: What this case is about, in one sentence, where more can be said than the number's own text.
        remedy: What to do; that of the reason or the number when left out.
        feature: The feature asked for.
        path: The license path that was searched, entry by entry.
        system: Number and text of the operating system's error behind it.
        hints: Further labelled lines of the long format, such as `("Hostname", "licsrv")`.
        rule: The line of an options or license file that decided, as `file:line: text`.
        holders: Who has the seats, each as `user@host, 3 seats`, where the asker may know it.
        free_at: Unix time at which seats may come free without anybody's doing; 0 where that is not known.
    """

    def __init__(
        self,
        number: int,
        *,
        minor: int = 0,
        reason: str = "",
        remedy: str = "",
        feature: str = "",
        path: tuple[str, ...] = (),
        system: tuple[int, str] | None = None,
        hints: tuple[tuple[str, str], ...] = (),
        rule: str = "",
        holders: tuple[str, ...] = (),
        free_at: float = 0.0,
    ) -> None:
        text, usual_remedy = LICENSE_ERRORS.get(number, ("Unknown license error.", ""))
        super().__init__(text, remedy or special_remedy(number, reason) or usual_remedy)
        self.number = number
        self.minor = minor
        self.reason = reason
        self.feature = feature
        self.path = path
        self.system = system
        self.hints = hints
        self.rule = rule
        self.holders = holders
        self.free_at = free_at

    @property
    def exit_status(self) -> int:
        """The exit status of a tool that ends with this error."""
        return exit_status(self.number)

    def short(self) -> str:
        """The text with its numbers, as lmstat and the debug log print it."""
        if self.system is None:
            return f"{self.message} ({self.number},{self.minor})"
        return f'{self.message} ({self.number},{self.minor}:{self.system[0]} "{self.system[1]}")'

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f" {self.reason}"] if self.reason else []
        lines += self._explanation()
        labels = [("Feature", self.feature), *self.hints]
        # Values start in column 16; every entry of the path ends in the path's separator.
        lines += [f"{label + ':':<15}{value}" for label, value in labels if value]
        if self.path:
            lines.append(f"{'License path:':<15}" + "".join(f"{entry}:" for entry in self.path))
        numbers = f"FlexNet Licensing error:{self.number},{self.minor}."
        if self.system is not None:
            numbers += f'  System Error: {self.system[0]} "{self.system[1]}"'
        lines.append(numbers)
        lines += [f"What to do: {self.remedy}"] if self.remedy else []
        return "\n".join(lines)

    def _explanation(self) -> list[str]:
        """What decided, who has the seats, and when one may come free, each in a line of its own."""
        lines = [f" Decided by: {self.rule}"] if self.rule else []
        if self.holders:
            more = f", and {len(self.holders) - HOLDERS_SHOWN_MAX} more" if len(self.holders) > HOLDERS_SHOWN_MAX else ""
            lines.append(f" The seats are held by {'; '.join(self.holders[:HOLDERS_SHOWN_MAX])}{more}.")
        if self.free_at:
            at = datetime.fromtimestamp(self.free_at)
            lines.append(f" Seats may come free on {format_date(at.date())} at {at:%H:%M}.")
        return lines


def error_text(number: int) -> str:
    """The short text of a license error's number."""
    return LICENSE_ERRORS.get(number, ("Unknown license error.", ""))[0]


def special_remedy(number: int, reason: str) -> str:
    """What to do where the reason tells more than the number; empty where it does not."""
    return next((remedy for known, words, remedy in _SPECIAL if known == number and words.search(reason)), "")


def exit_status(number: int) -> int:
    """The number as the unsigned byte with which tools end: -15 gives 241 (facts, FlexNet section 5)."""
    return number & 0xFF


#: Number, words of the reason, and what to do then. A license line is locked to the client, a SERVER line to the server.
_SPECIAL: Final = (
    (-2, re.compile(r"\boptions file \S.*?:\d+:\d+:"), "Run `seatkeeper options lint FILE -c LICENSE` on the options file."),
    (
        -9,
        re.compile(r"^The license of .* is for hostid (?:USER|DISPLAY|HOSTNAME|INTERNET)="),
        "Use it as the user, on the host or from the address that its line names; the server's own host id is another matter.",
    ),
    (
        -9,
        re.compile(r"^The license of .* is for hostid "),
        "Run `lmhostid` on this machine, the application's, and compare with HOSTID= of the feature's line.",
    ),
    (-97, re.compile(r"\bno vendor daemon "), "Name one that `lmstat` shows."),
    (-97, re.compile(r"\bwas shut down\b"), "lmreread starts it again; until then it stays down."),
    (-97, re.compile(r"\bis (?:being )?started\b"), "Try again in a moment; lmgrd's debug log says why it ended."),
)

#: Number -> (short text, what to do). Texts that log readers match are kept to the letter.
LICENSE_ERRORS: Final[dict[int, tuple[str, str]]] = {
    -1: ("Cannot find license file.", "Name the file or port@host with -c, or set LM_LICENSE_FILE."),
    -2: ("Invalid license file syntax.", "Run `seatkeeper license lint` on the file."),
    -3: ("No license server system for this feature.", "Add a SERVER line, or ask a server that serves the feature."),
    -4: ("Licensed number of users already reached.", "Wait for a checkin; `lmstat -f FEATURE` shows who holds seats."),
    -5: ("No such feature exists.", "Check the feature's name against the license file; `lmstat -a` lists what is served."),
    -6: ("No TCP/IP port number in license file and no service entry.", "Put a port at the end of the SERVER line."),
    -7: ("No socket connection to license server manager service.", "Check host name, port and firewall."),
    -8: ("Invalid (inconsistent) license key or signature.", "Restore the line as it was issued, or ask for a new file."),
    -9: ("Invalid host.", "Run lmhostid on the server and compare with the SERVER line; a move needs a new file."),
    -10: ("Feature has expired.", "Order a renewal; check the server's clock."),
    -11: ("Invalid date format in license file.", "Write dates as dd-mmm-yyyy, or permanent."),
    -12: ("Invalid returned data from license server system.", "Check that both sides are of matching releases."),
    -13: ("No SERVER lines in license file.", "Add the SERVER line of the license server."),
    -14: ("Cannot find SERVER hostname in network database.", "Correct the host name on the SERVER line or in the name service."),
    -15: ("Cannot connect to license server system.", "Start the server, or check host, port and firewall."),
    -16: ("Cannot read data from license server system.", "Try again; look at the server's debug log."),
    -17: ("Cannot write data to license server system.", "Try again; look at the server's debug log."),
    -18: ("License server system does not support this feature.", "Point the license path at a server that serves it."),
    -19: ("Error in select system call.", "Look at the system's log."),
    -20: ("License server system busy (no majority).", "Bring a second of the three servers up."),
    -21: ("License file does not support this version.", "Order a license for the version that is asked for."),
    -22: ("Feature checkin failure detected at license server system.", "Look at the server's debug log."),
    -23: ("License server system temporarily busy (new server connecting).", "Try again in a moment."),
    -24: ("Users are queued for this feature.", "Join the queue, or try again later."),
    -25: ("License server system does not support this version of this feature.", "Order a license for the version that is asked for."),
    -26: ("Request for more licenses than this feature supports.", "Ask for fewer, or for `up to` that many."),
    -27: ("Cannot read the kernel's memory.", "Update the application."),
    -28: ("Cannot find a symbol in the kernel's memory.", "Update the application."),
    -29: ("Cannot find ethernet device.", "Run lmhostid -verbose to see which interfaces there are."),
    -30: ("Cannot read license file.", "Check the file's owner and permissions."),
    -31: ("Feature start date is in the future.", "Wait for the start date; check the clock."),
    -32: ("No such attribute.", "Correct the attribute's name."),
    -33: ("Bad encryption handshake with vendor daemon.", "The server could not prove that it holds the vendor's key: check the path."),
    -34: ("Clock difference too large between client and license server system.", "Set both clocks."),
    -35: ("In the queue for this feature.", "Wait; the seat follows when one comes free."),
    -36: ("Feature database corrupted in vendor daemon.", "Run `seatkeeper journal verify`."),
    -37: ("Duplicate selection mismatch for this feature.", "Let all clients use one grouping."),
    -38: ("User/host on EXCLUDE list for feature.", "Ask the administrator; the options file names the rule."),
    -39: ("User/host not on INCLUDE list for feature.", "Ask the administrator; the options file names the rule."),
    -40: ("Cannot allocate dynamic memory.", "Free memory on this machine."),
    -41: ("Feature was never checked out.", "Check it out first."),
    -42: ("Invalid parameter.", "Correct the value that is named."),
    -43: ("No key data supplied.", "Ask the application's vendor for a complete build."),
    -44: ("Invalid key data supplied.", "Ask the application's vendor for a correct build."),
    -45: ("Function not available.", "Use a release that has it."),
    -46: ("Demonstration toolkit.", "Ask the application's vendor for the release build."),
    -47: ("Clock check not available in this program.", "Let the account read the system's directories."),
    -48: ("Platform not enabled.", "Order a license for this platform."),
    -49: ("Bad date in binary format.", "Ask the vendor for a new line."),
    -50: ("Key data has expired.", "Ask the application's vendor for a current build."),
    -51: ("License library not initialized.", "Report it to the application's vendor."),
    -52: ("Vendor daemon did not respond within timeout interval.", "Look at the vendor daemon's debug log."),
    -53: ("Checkout request rejected by vendor-defined checkout filter.", "Ask the vendor."),
    -54: ("FEATURESET line missing from license file.", "Ask the vendor for the whole file."),
    -55: ("Incorrect FEATURESET line in license file.", "Put the file's lines back as they were issued."),
    -56: ("Cannot compute FEATURESET data.", "Ask the vendor for a new file."),
    -57: ("Error in socket call.", "Look at the system's log."),
    -58: ("Error in setsockopt call.", "Look at the system's log."),
    -59: ("Communications checksum failure.", "Look for what changes the connection's data."),
    -60: ("Communications checksum failure on the server's side.", "Look for what changes the connection's data."),
    -61: ("Cannot read license file data from license server system.", "Look at the server's debug log."),
    -62: ("TCP/IP is not available.", "Bring the network up."),
    -63: ("Not a license administrator.", "Act as an administrator of this license server."),
    -64: ("lmremove request too soon.", "Wait two minutes between two removals of one seat."),
    -65: ("Structure mismatch with the license library.", "Report it to the application's vendor."),
    -66: ("Release mismatch with the license library.", "Install the library that came with the application."),
    -67: ("No licenses to borrow.", "Wait for a checkin, or lower BORROW_LOWWATER."),
    -68: ("License BORROW support not enabled.", "Order a license with BORROW."),
    -69: ("FLOAT_OK license used standalone on the server.", "Let the application ask the license server."),
    -71: ("Invalid TZ environment variable.", "Correct TZ."),
    -72: ("Old style of vendor code.", "Ask the application's vendor for a current build."),
    -73: ("Checkout rejected by a filter in the application.", "Ask the application's vendor."),
    -74: ("Attempt to read beyond the end of the license file path.", "Correct the license path."),
    -75: ("VMS system call failed.", "Look at the operator log."),
    -76: ("Internal error.", "Report it, with the debug log."),
    -77: ("Bad version number, must be a floating-point number with no letters.", "Write versions as 8.5."),
    -82: ("Invalid PACKAGE line in license file.", "Run `seatkeeper license lint` on the file."),
    -83: ("Client is newer than license server system.", "Update the license server."),
    -84: ("USER_BASED license has no specified users.", "Name the users with INCLUDE in the options file."),
    -85: ("License server system does not support this request.", "Update the license server."),
    -87: ("Checkout exceeds MAX specified in options file.", "Ask the administrator; the options file names the rule."),
    -88: ("System clock has been set back.", "Set the clock right, then start again."),
    -89: ("This platform is not authorized by the license.", "Order a license for this platform."),
    -90: ("Future license file format or misspelling in license file.", "Run `seatkeeper license lint` on the file."),
    -91: ("Encryption seeds are not unique.", "Ask the vendor."),
    -92: ("Feature removed during lmreread, or wrong SERVER hostid.", "Look at what the reread changed."),
    -93: ("Feature is available in a different license pool.", "Nothing; this is a warning."),
    -94: ("Attempt to generate license with incompatible attributes.", "Correct the order."),
    -95: ("Network connect to this_host failed.", "Put the server's real name on the SERVER line."),
    -96: ("License server machine is down or not responding.", "Check that the machine is up, its name resolves and the port answers."),
    -97: ("The desired vendor daemon is down.", "Look at lmgrd's debug log, which says why; lmreread starts it again."),
    -98: ("This FEATURE line cannot be converted to decimal format.", "Keep it in readable format."),
    -99: ("The decimal format license is typed incorrectly.", "Compare it with what was issued."),
    -100: ("Cannot remove a linger license.", "Wait until it ends."),
    -101: ("All licenses are reserved for others.", "Ask the administrator; the options file names the reservation."),
    -102: ("License locked to a FLEXID cannot be borrowed.", "Take the dongle along, or borrow another license."),
    -103: ("Terminal server remote client not allowed.", "Run on the console."),
    -104: ("Cannot borrow that long.", "Borrow for a shorter time."),
    -105: ("License is already returned to the license server system.", "Nothing; it is done."),
    -106: ("License server system out of network connections.", "Raise the limit, or try again later."),
    -110: ("Dongle not attached.", "Plug the dongle in."),
    -112: ("Dongle driver missing.", "Install the dongle's driver."),
    -113: ("Two FLEXlock licenses.", "Leave one of them."),
    -114: ("SIGN= keyword required, but missing from license.", "Ask the vendor for a signed line."),
    -115: ("Public key does not fit the signature.", "Ask the vendor for a line for this release."),
    -116: ("Signature type not supported by this program.", "Ask the vendor for a line for this release."),
    -117: ("BORROW failed.", "See the reason."),
    -118: ("BORROW period has expired.", "Connect and borrow again."),
    -119: ("lmdown and lmreread must be run on the license server.", "Run the command on that machine."),
    -120: ("Cannot lmdown the server when licenses are borrowed.", "Return them, or use -force."),
    -121: ("FLOAT_OK needs exactly one FLEXID.", "Ask the vendor for a corrected line."),
    -122: ("Cannot delete the local record of a borrow.", "Check the owner and permissions of the borrow directory."),
    -123: ("Early borrow return not enabled.", "Wait for the end of the borrow."),
    -124: ("Error in the return of a borrowed license.", "See the reason."),
    -125: ("Request for PACKAGE without components.", "Ask for one of its components."),
    -126: ("Composite hostid cannot be initialized.", "Run the vendor's tool for it again."),
    -127: ("Composite hostid has an unknown part.", "Compare with what the vendor's tool prints."),
    -128: ("Borrowed license unknown to license server system.", "Borrow again."),
    -129: ("Cannot open event log.", "Let the account write the log's directory."),
    -130: ("Cannot write event log.", "Look for a full disk."),
    -131: ("Event log has no place.", "Name the log's directory."),
    -132: ("Timeout in the network.", "Try again; check the network."),
    -133: ("Bad command.", "See -help."),
    -134: ("The other side has closed the connection.", "Try again; look at the server's debug log."),
    -135: ("No older signature for a composite hostid.", "Leave the older signature out."),
    -136: ("No older signature for an uncounted license.", "Leave the older signature out."),
    -137: ("License file is not signed by a key this server trusts.", "Ask the vendor for a file signed for this server."),
    -138: ("Bad V71 license key.", "Restore the line as it was issued."),
    -139: ("Bad V71 signature.", "Restore the line as it was issued."),
    -140: ("Bad V80 license key.", "Restore the line as it was issued."),
    -141: ("Bad V80 signature.", "Restore the line as it was issued."),
    -142: ("Bad V81 license key.", "Restore the line as it was issued."),
    -143: ("Bad V81 signature.", "Restore the line as it was issued."),
    -144: ("Bad second V81 signature.", "Restore the line as it was issued."),
    -145: ("Bad V84 license key.", "Restore the line as it was issued."),
    -146: ("Bad V84 signature.", "Restore the line as it was issued."),
    -147: ("Bad second V84 signature.", "Restore the line as it was issued."),
    -148: ("License key missing from license.", "Ask the vendor for a line with a key."),
    -149: ("Bad AUTH= in license.", "Restore the line as it was issued."),
    -150: ("Trusted storage not available.", "Ask the vendor for a license file."),
}
