"""Every symptom of the guide's "License Failure Scenarios", and of a debug log, is known by its words and has a cause and a remedy.

A symptom is known by what an application or a log prints, or by how a person would describe it. The sections are those of the
guide's topic "License Failure Scenarios"; lines of logs (facts, FlexNet 6) stand under "Debug log". Patterns are matched in lower
case, anywhere in the text; the more special symptom stands before the more general one.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["SYMPTOMS", "Symptom"]


class Symptom(msgspec.Struct, frozen=True):
    """One thing that people see.

    Attributes:
        name: Our short name for it.
        section: Where the guide tells of it.
        patterns: Regular expressions; one that is found in the text is enough.
        cause: What is behind it.
        remedy: What to do.
        number: The license error that usually belongs to it; 0 where none does.
        general: True where the symptom only tells that something is wrong: a more special one is told in its place.
    """

    name: str
    section: str
    patterns: tuple[str, ...]
    cause: str
    remedy: str
    number: int = 0
    general: bool = False


_LOG: Final = "Genesys Log Messages"
_FILE: Final = "License File Problems"
_SERVER: Final = "License Server Problems"
_HOST: Final = "Host ID Problems"
_CONNECTION: Final = "Connection Problems"
_FIREWALL: Final = "Firewall Problems"
_EXCEEDING: Final = "Exceeding the Number of Licenses"
_NUMBERS: Final = "Configuration and Reconfiguration of Number of DNs"
_DEBUG: Final = "Debug log"

SYMPTOMS: Final[tuple[Symptom, ...]] = (
    # Genesys Log Messages: what stands after "the violation type", and the other licensing messages.
    Symptom(
        "violation: license server not available",
        _LOG,
        (r"glmr_license_server_not_available", r"license server (?:is )?not available"),
        "The application could not reach lmgrd, or the vendor daemon behind it is down; what was running goes on.",
        "Run `seatkeeper diagnose` on the application's machine, with the application's license path: it names the step that fails.",
        -96,
    ),
    Symptom(
        "violation: SERVER host name unknown",
        _LOG,
        (r"cannot find server host ?name in network database", r"can(?:no|')t find server host"),
        "The host name in the license path, or on the SERVER line of the file it names, cannot be resolved on the application's machine.",
        "Try `getent hosts NAME` or `nslookup NAME` there; correct the name in the application's license option, or in DNS.",
        -14,
    ),
    Symptom(
        "violation: license file not found",
        _LOG,
        (r"(?:cannot|can't|can not) find license file", r"no such license file"),
        "The application was given a file name as license path, and there is no such file for its account; or no path at all.",
        "Give it 7260@HOST (-l, or the license-file option), or the full name of a file that its account may read.",
        -1,
    ),
    Symptom(
        "violation: no license available",
        _LOG,
        (r"glmr_license_no_license_available", r"no license(?:s)? (?:is |are )?available"),
        "The server answered, and all seats of the feature are taken; another application may hold more than it needs.",
        "See who holds them with `lmstat -f FEATURE`; lower num-of-licenses where too many are taken, or order more.",
        -4,
    ),
    Symptom(
        "DN option was changed, then GCTI_LICENSE_FAIL",
        _NUMBERS,
        (
            r"(?:increas|decreas|chang|rais|lower)\w*.*(?:num-sdn-licenses|num-of-licenses)",
            r"(?:num-sdn-licenses|num-of-licenses).*(?:increas|decreas|chang|rais|lower)",
            r"gtci_license_fail",
        ),
        "More seats were asked for than are free; after a decrease, the application still holds the number from before.",
        "After an increase, order the seats that are missing. After a decrease do nothing: the next restart takes the new number.",
        -4,
    ),
    Symptom(
        "GCTI_LICENSE_FAIL of another violation type",
        _LOG,
        (r"\b(?:std )?07100\b", r"gcti_license_fail", r"licensing violation is identified"),
        "The application found its license missing or lost; what stands after `violation type` is the cause.",
        "Explain the text after `violation type` alone, or run `seatkeeper diagnose` on the application's machine.",
        general=True,
    ),
    Symptom(
        "licenses checked out",
        _LOG,
        (r"\b(?:std )?07101\b", r"gcti_license_checked_out", r"licenses checked out\b"),
        "This is no failure: the application says how many seats of the feature it holds.",
        "Compare the number with what the application is configured for; it may be smaller where the rest was taken by others.",
    ),
    Symptom(
        "license status restored",
        _LOG,
        (r"\b(?:std )?07105\b", r"gcti_license_restored", r"license status restored"),
        "This is no failure: a violation that was told by 07100 is over.",
        "Clear the alarm; the log shows with the two times how long it lasted.",
    ),
    Symptom(
        "notification about the license server's status",
        _LOG,
        (r"\b(?:std )?0710[234]\b",),
        "The connection to the license server was lost or came back; seats are kept for the lease time.",
        "If it repeats, look at the network between the machines, and at the debug log of the server for restarts.",
    ),
    Symptom(
        "05066, an application's own licensing message",
        _LOG,
        (r"\b(?:std )?05066\b",),
        "An application tells of its license by a message of its own, beside 07100.",
        "Look for the 07100 near it, whose violation type is the cause.",
    ),
    # License File Problems
    Symptom(
        "bad code or inconsistent encryption code",
        _FILE,
        (
            r"bad code",
            r"inconsistent (?:encryption|authentication) code",
            r"invalid \(?inconsistent\)? license key",
            r"invalid license key",
            r"changed after signing",
        ),
        "The signature of a license line does not fit it: the line, or a SERVER host id, was changed; or the file is another vendor's.",
        "Run `seatkeeper license verify FILE`, which names the changed field. Host name, port and paths may be edited, nothing else.",
        -8,
    ),
    Symptom(
        "invalid license file",
        _FILE,
        (r"invalid license file(?! syntax)", r"unauthori[sz]ed changes?", r"license file (?:is )?(?:invalid|damaged|corrupt)"),
        "The file was edited where it may not be, cut off by a mail program, or converted to another form.",
        "Run `seatkeeper license lint FILE` and `seatkeeper license verify FILE`; put the file back as the vendor sent it.",
        -2,
    ),
    Symptom(
        "license ordered or generated incorrectly",
        _FILE,
        (r"incorrectly (?:ordered|generated)", r"wrong (?:number|count|quantity) of licenses", r"ordered (?:the )?wrong"),
        "The license file says exactly what was ordered, and that is not what is needed: another feature, number, version or host.",
        "Compare the order with `seatkeeper license show FILE`, and ask the licensing desk for a corrected file.",
    ),
    Symptom(
        "expired license",
        _FILE,
        (r"(?:license|feature|it) (?:has |is )?expired", r"expired license", r"\bexpired: "),
        "The last day that the license line names is over, by the clock of the license server.",
        "Order the renewal in time; put the new line in and run lmreread. `lmstat -i` lists all dates.",
        -10,
    ),
    Symptom(
        "old FEATURE version",
        _FILE,
        (r"old (?:feature )?version", r"does not support this version", r"version (?:is )?too old"),
        "The application was upgraded, and the license names the version of before.",
        "Order the upgrade of the license; a license serves every version up to its own, and none above.",
        -21,
    ),
    Symptom(
        "FEATURE line missing",
        _FILE,
        (r"(?:feature|increment) line (?:is )?missing", r"missing (?:feature|increment) line", r"no such feature exists"),
        "The license file of the server does not contain the technical license that the application asks for.",
        "Look it up with `lmstat -i`; if it was ordered, install the newest file and run lmreread; else order it.",
        -5,
    ),
    Symptom(
        "wrong host name set up",
        _FILE,
        (r"wrong host ?name", r"host ?name (?:is )?(?:wrong|incorrect)"),
        "The host in Command Line Arguments (-l) or in the application's licensing options is not the license server's.",
        "Correct it in the Start Info tab or the license-file option; -l wins over the option.",
        -14,
    ),
    Symptom(
        "wrong port set up",
        _FILE,
        (r"wrong port", r"port (?:is )?(?:wrong|incorrect)"),
        "The port in Command Line Arguments (-l) or in the application's licensing options is not that of lmgrd.",
        "Compare it with the SERVER line (7260 by default); `lmdiag` looks for the port on which the server listens.",
        -15,
    ),
    Symptom(
        "a client may not register: all seats in use",
        _FILE,
        (
            r"\b(?:std )?20007\b",
            r"seat licenses are in use",
            r"registration rejected",
            r"no more (?:\w+ )?licenses?(?: available)?",
        ),
        "T-Server holds fewer DN seats than its clients want to register: others took the rest, or its own option says so.",
        "Look for 07101 in its log, which says how many it holds; raise num-sdn-licenses here or lower it elsewhere, or order more.",
        -4,
    ),
    Symptom(
        "application did not start",
        _FILE,
        (r"(?:application|program|server) (?:did not|does not|didn't|doesn't|will not|won't|cannot) start",),
        "A license was denied at the start: changed or expired, of an older version, not in the file, or the path is wrong.",
        "Find the 07100 line in the application's log and explain it, or run `seatkeeper diagnose --feature F` with its license path.",
        general=True,
    ),
    # License Server Problems
    Symptom(
        "license server not started",
        _SERVER,
        (
            r"(?:did not|didn't|not) start(?:ed)? (?:the )?license server",
            r"license server (?:was |is )?not (?:started|running)",
            r"lmgrd is not running",
        ),
        "No lmgrd runs on the host of the license path.",
        "Start lmgrd before the applications; as a service it starts with the machine (`seatkeeper service install`).",
        -15,
    ),
    Symptom(
        "vendor daemon down",
        _SERVER,
        (
            r"vendor daemon is down",
            r"genesys(?:\.d| daemon).*(?:down|not running|not reachable)",
            r"daemon.*(?:is|are) not (?:running|reachable)",
        ),
        "lmgrd runs, but the vendor daemon genesys.d does not serve.",
        "`lmstat` and the debug log say why: most often the host id, the signature or the trust file. Correct it, then lmreread.",
        -97,
    ),
    Symptom(
        "application exited at its start",
        _SERVER,
        (r"application (?:has )?exit(?:ed|s)", r"exited (?:at|after) (?:the )?start"),
        "No license server could be reached, so the application ended: lmgrd or genesys.d does not run, or a firewall is between.",
        "Start lmgrd first; then `seatkeeper diagnose` on the application's machine tells whether name, port or daemon is missing.",
        -15,
    ),
    # Host ID Problems
    Symptom(
        "wrong host id",
        _HOST,
        (r"wrong (?:server )?host ?id", r"host ?id (?:is )?(?:wrong|incorrect|does not match)", r"invalid host\b", r"not the correct node"),
        "The SERVER line was issued for another machine, or this one has another network card or a new virtual address.",
        "Compare `lmhostid` with the SERVER line; use the old card's address if it is still there, else order a new file.",
        -9,
    ),
    # Firewall Problems come before Connection Problems: who names the firewall has looked further.
    Symptom(
        "a firewall blocks",
        _FIREWALL,
        (r"firewall", r"port (?:is )?(?:blocked|filtered)"),
        "The firewall between application and license server does not pass lmgrd's port, or not that of the vendor daemon.",
        "Give both a fixed port: on the SERVER line, and `port=` on the DAEMON line; then open these. One port is enough for seatkeeper.",
        -15,
    ),
    # Connection Problems
    Symptom(
        "cannot connect to the server",
        _CONNECTION,
        (r"(?:cannot|can't|can not|could not|unable to) connect", r"connection refused", r"no socket connection"),
        "lmgrd does not run at that host and port, or the way there is closed.",
        "Run `seatkeeper diagnose` there: refused means wrong port or no lmgrd, silence means a firewall or a machine that is off.",
        -15,
        general=True,
    ),
    # Exceeding the Number of Licenses
    Symptom(
        "DN option too small in this T-Server",
        _EXCEEDING,
        (r"(?:num-sdn-licenses|num-of-licenses).*(?:this|own)", r"(?:too (?:few|small)).*(?:num-sdn-licenses|num-of-licenses)"),
        "num-sdn-licenses or num-of-licenses of this T-Server is smaller than the number of its DNs, such as 3 in place of 30.",
        "Correct the option of this T-Server; `max` takes all seats that are free.",
        -4,
    ),
    Symptom(
        "DN option too large in another T-Server",
        _EXCEEDING,
        (r"(?:num-sdn-licenses|num-of-licenses).*(?:another|other)", r"(?:too (?:many|large|big)).*(?:num-sdn-licenses|num-of-licenses)"),
        "Another T-Server was told to take more DN seats than it needs, such as 30 in place of 3, and holds them all the time.",
        "Find it with `lmstat -f tserver_sdn` (the number after the start time), and lower its option.",
        -4,
    ),
    Symptom(
        "DN option invalid",
        _EXCEEDING,
        (r"(?:invalid|negative).*(?:num-sdn-licenses|num-of-licenses)", r"(?:num-sdn-licenses|num-of-licenses).*(?:invalid|negative|-\d)"),
        "An option that is no number, or a negative one, counts as `max`: this T-Server then takes all seats that are free.",
        "Write a number from 0 up, or `max` where that is meant.",
        -4,
    ),
    Symptom(
        "clients could not register all DNs",
        _EXCEEDING,
        (r"could(?: not|n't) register", r"cannot register", r"register(?:ed)? (?:all )?(?:configured )?dns", r"number of dns"),
        "More DNs are configured than T-Server holds seats for: by its license, or by num-sdn-licenses and num-of-licenses.",
        "Count: DNs configured, the option, and the 07101 message. Raise the option, take seats from other T-Servers, or order more.",
        -4,
    ),
    # Debug log
    Symptom(
        "no features to serve",
        _DEBUG,
        (r"no features to serve", r"daemon found no features", r"exited with status (?:27|36)\b", r"exiting due to signal 27\b"),
        "The vendor daemon found no valid line of its vendor in the license files, and ended.",
        "Look for `Not served:` above it in the log; run `seatkeeper license verify FILE` on the server's machine, correct, then lmreread.",
        -5,
    ),
    Symptom(
        "vendor daemon given up",
        _DEBUG,
        (r"is not started again", r"please correct problem and restart daemons"),
        "The vendor daemon ended several times in a row, or for a reason that no restart mends; lmgrd waits for an administrator.",
        "Do what the line before it says, then run lmreread, which tries again.",
        -97,
    ),
    Symptom(
        "vendor daemon restarted",
        _DEBUG,
        (r"since this is an unknown status", r"will attempt to re-start", r"\brestarted\b.*\bpid\b"),
        "The vendor daemon ended without being told to; lmgrd starts it again, and holders keep their seats meanwhile.",
        "Look for the reason in the lines above; when it repeats, for memory limits and for who sends it signals.",
    ),
    Symptom(
        "vendor daemon ended",
        _DEBUG,
        (r"exited with status \d+ signal = \d+",),
        "The vendor daemon's process has ended: by itself with that status, or by that signal; lmgrd writes this line whatever the reason.",
        "Look at the lines before it, which say why it ended. Signal 9 comes from kill -9 or from the system when memory is short; "
        "status 0 after a SHUTDOWN request is no failure.",
        -97,
        general=True,
    ),
    Symptom(
        "several daemons of one vendor",
        _DEBUG,
        (r"multiple .*license server systems? running", r"lost lock", r"another (?:license )?server (?:is )?running"),
        "A second vendor daemon of this vendor runs on the machine, or an old one was left when lmgrd was killed.",
        "End the one that is not wanted with lmdown, never with kill -9, then start lmgrd again.",
    ),
    Symptom(
        "port in use",
        _DEBUG,
        (r"address (?:already )?in use", r"retrying socket bind"),
        "Another program has the port: an lmgrd that still runs, or one that ended a moment ago.",
        "Find it with `ss -ltnp` or `netstat -ano`; end it with lmdown, or take another port on the SERVER line.",
    ),
    Symptom(
        "quorum lost",
        _DEBUG,
        (r"lost quorum", r"no majority", r"lost connection to .*server"),
        "Fewer than two of the three redundant servers can see each other.",
        "Bring a second one up, or mend the network between them; seats are given again as soon as two agree.",
        -20,
    ),
    Symptom(
        "order of SERVER lines differs",
        _DEBUG,
        (r"server line order mismatch", r"using alphabetical order"),
        "The license files of the three servers name them in different orders.",
        "Copy one file to all three, byte by byte, and restart them.",
    ),
    Symptom(
        "unsupported feature asked for",
        _DEBUG,
        (r"\bunsupported: ",),
        "A client asked a server that does not have the feature, often because that server is first in its license path.",
        "Order the path so that the right server comes first; NOLOG UNSUPPORTED keeps the log short.",
        -18,
    ),
    Symptom(
        "checkout queued",
        _DEBUG,
        (r"(?<!de)\bqueued: ",),
        "All seats were taken, and the client waits for one.",
        "Nothing need be done; `lmstat -f FEATURE` shows who is before it.",
        -35,
    ),
)
