"""Every license error that seatkeeper's own programs tell has a cause and a remedy of its own.

The numbers and what they stand for are FlexNet's (facts, FlexNet 7.2); the sentences are ours. Numbers that only other programs
tell stand in cases_foreign.py. The short texts that logs carry are in `base.errors`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CASES"]

#: Number -> (what is behind it, what to do about it).
CASES: Final[dict[int, tuple[str, str]]] = {
    -1: (
        "No license path is given, or the file or directory that it names is not there.",
        "Name the server (-c 7260@HOST) or the file, or set GENESYS_D_LICENSE_FILE; check the spelling of every directory.",
    ),
    -2: (
        "A line of the license file does not follow the file's grammar.",
        "Run `seatkeeper license lint FILE`: it names line, column and what is expected there.",
    ),
    -3: (
        "The license file has SERVER and DAEMON lines, but none of the vendor daemon that serves this feature.",
        "Add the vendor's DAEMON line, or name a license server that runs this vendor daemon.",
    ),
    -4: (
        "All seats of the license are held by others, or kept for them.",
        "See who holds them with `lmstat -f FEATURE`; wait, queue, end idle applications, or order more seats.",
    ),
    -5: (
        "No line of the license files that the server reads names this feature.",
        "Compare the name with `lmstat -a`; if it is right, order the feature, or let lmgrd read the file that has it (lmreread).",
    ),
    -6: (
        "The SERVER line names no port, and the system's services table has none for the license manager.",
        "Put the port of lmgrd at the end of the SERVER line, such as 7260.",
    ),
    -7: (
        "A connection to lmgrd could not be opened at all.",
        "Check the host and port of the SERVER line, and the firewalls on both machines.",
    ),
    -8: (
        "A license line was changed after it was signed, or the host id of the SERVER line was, which every signature covers.",
        "Run `seatkeeper license verify FILE`: it names the changed field; put back the line as it was issued, or ask for a new file.",
    ),
    -9: (
        "The license is locked to a host id that this machine does not have.",
        "Run `lmhostid` there and compare; where the machine was exchanged, order the license anew for the new host id.",
    ),
    -10: (
        "The last day of the license has passed.",
        "Order a renewal, put the new line into the file and run lmreread; if the day is wrong, set the server's clock.",
    ),
    -11: (
        "A date in the license file cannot be read.",
        "Write it as dd-mmm-yyyy with an English month, or `permanent`; lower-case fields only, for all others are signed.",
    ),
    -12: (
        "What answers at this port does not speak the license server's protocol.",
        "Check that the port is lmgrd's, and that client and server are of releases that fit; the tools of FlexNet cannot ask seatkeeper.",
    ),
    -13: (
        "The license file has no SERVER line, so it leads to no license server.",
        "Use the file with the SERVER line, or name the server itself, as in 7260@HOST.",
    ),
    -14: (
        "The name service of this machine does not know the host of the SERVER line or of the license path.",
        "Correct the name (the SERVER line's host may be edited), or add it to DNS or the hosts file.",
    ),
    -15: (
        "Nothing listens at this host and port: lmgrd does not run there, listens elsewhere, or a firewall refuses the connection.",
        "Start lmgrd on that host, compare the port with its SERVER line, and let the firewall pass it.",
    ),
    -16: (
        "The connection was made, and then nothing came back, or it broke off.",
        "Look at the debug log of the license server for that moment; a firewall or proxy between may close idle connections.",
    ),
    -17: (
        "The connection broke while the request was being sent.",
        "Try again; if it repeats, look for a firewall that closes connections, and at the server's debug log.",
    ),
    -18: (
        "The server that was asked serves other features of this vendor, not this one.",
        "Put a server that has the feature first in the license path, or let this one read the license file that has it.",
    ),
    -19: (
        "The operating system refused to watch the network connections.",
        "Look at the system's log, and at the limit of open files of this account (ulimit -n).",
    ),
    -20: (
        "Fewer than two of the three redundant servers are up, so nobody may serve.",
        "Start a second one of the three; `lmstat` shows which are down.",
    ),
    -21: (
        "The license is for an older version than the application asks for.",
        "Order an upgrade of the license, or run the application's older release; `lmstat -i` shows the versions of the file.",
    ),
    -22: (
        "The server could not note that the seats were given back.",
        "Look at the vendor daemon's debug log; the seats come free when the application ends, or at the end of its lease.",
    ),
    -23: (
        "The master of the three servers is being changed over at this moment.",
        "Try again in some seconds.",
    ),
    -24: (
        "Others wait for this license, and who comes now may not pass them.",
        "Join the queue if the application can, or try again later; `lmstat -f FEATURE` shows who waits.",
    ),
    -25: (
        "The server has the feature in an older version only.",
        "Order the version that is asked for, or name the server that has it.",
    ),
    -26: (
        "More seats were asked for at once than the license has altogether, or than one client may hold.",
        "Lower the application's number of licenses, or let it take what there is (--up-to, or `max` in Genesys options).",
    ),
    -29: (
        "This machine has no network card whose address could be a host id.",
        "Run `lmhostid -verbose` to see what there is; bring a card up, or order for another kind of host id.",
    ),
    -30: (
        "The license file is there, and this account may not read it.",
        "Let the account that runs the program read the file and enter its directories (ls -l; chmod or chown).",
    ),
    -31: (
        "The license begins on a later day (START).",
        "Wait for that day; if it has come, set the clock of the license server.",
    ),
    -32: (
        "The program asked the license for a detail that it does not have.",
        "Correct the name in the program, or ask the vendor which release knows it.",
    ),
    -33: (
        "The server did not prove that the vendor certified it, so it was not believed.",
        "Check that the path leads to the right server, and that license, trust and credential file there are of one issue.",
    ),
    -34: (
        "The clocks of this machine and of the license server are more than a day apart.",
        "Set both by a time service (NTP); look at date, time and year, not at the time zone.",
    ),
    -35: (
        "The request waits in the server's queue; this is no failure.",
        "Wait: the seats follow when others give theirs back; `lmstat -f FEATURE` shows the place.",
    ),
    -36: (
        "The vendor daemon's own record of the feature does not fit together.",
        "Run `seatkeeper journal verify` on its journal, and restore the segment that it names.",
    ),
    -37: (
        "Two applications want to share one license, and name different rules of sharing.",
        "Give all clients of the feature the same grouping; current licenses carry it in DUP_GROUP.",
    ),
    -38: (
        "A line EXCLUDE or EXCLUDEALL of the options file names this user, host or group.",
        "Run `seatkeeper options explain` for the user: it names the line; the license administrator can change it.",
    ),
    -39: (
        "The options file lets only those use the feature whom an INCLUDE or INCLUDEALL line names.",
        "Let the license administrator add the user, host or group; names are compared letter by letter, in upper and lower case.",
    ),
    -40: (
        "The program ran out of memory.",
        "Free memory on this machine, or raise the limit of the account or container.",
    ),
    -41: (
        "Seats were to be given back, or removed, that are not held.",
        "Name the seat exactly as `lmstat -a` prints it; it may have been given back already.",
    ),
    -42: (
        "An argument of the request, or an option on the command line, has a value that cannot be.",
        "Correct the value that the message names.",
    ),
    -45: (
        "This program or server does not have that function.",
        "Use a release that has it, or do without.",
    ),
    -48: (
        "The vendor has not enabled its licenses for this kind of machine.",
        "Run the application on a platform that the license names, or order it for this one.",
    ),
    -52: (
        "The vendor daemon took the connection, but did not answer in time.",
        "Look at the load and the debug log of the server; a daemon that hangs is restarted with lmdown -vendor and lmreread.",
    ),
    -53: (
        "A rule that the vendor built into its daemon refused the request.",
        "Ask the vendor what the rule wants; the administrator cannot change it.",
    ),
    -57: (
        "The operating system refused a network connection of its own side.",
        "Look at the limit of open files (ulimit -n), and for a container or policy that forbids sockets.",
    ),
    -61: (
        "The server's license lines could not be fetched.",
        "Try again; who may see the lines is up to the server's administrator.",
    ),
    -62: (
        "This machine has no working TCP/IP.",
        "Bring the network up; `localhost` must work even without a cable.",
    ),
    -63: (
        "The command is for license administrators, and this user or channel is none.",
        "Run it as an administrator of this license server, or from its machine where it is limited to that.",
    ),
    -64: (
        "The same seat was removed a moment ago.",
        "Wait two minutes before you remove it again; an application that lives simply takes it back.",
    ),
    -67: (
        "No seat is left that may be borrowed; some are kept for use on the network.",
        "Wait for a return, or let the administrator lower BORROW_LOWWATER in the options file.",
    ),
    -68: (
        "The license line has no BORROW, so it may not be taken offline.",
        "Order a license with BORROW, or use it on the network.",
    ),
    -71: (
        "The environment variable TZ does not name a time zone.",
        "Correct TZ, or leave it unset.",
    ),
    -74: (
        "A program went through the license path beyond its last entry.",
        "Correct the license path; separate entries with `:` on UNIX and `;` on Windows.",
    ),
    -76: (
        "A program came to a point that it should never reach.",
        "Report it to its maker, with the debug log and what was done before.",
    ),
    -77: (
        "A version is no decimal number.",
        "Write versions as 8 or 8.5: digits, at most one point, at most ten characters.",
    ),
    -82: (
        "A PACKAGE line does not say which features it is made of, or has components that cannot be.",
        "Run `seatkeeper license lint FILE`, and ask for a corrected line: COMPONENTS is signed.",
    ),
    -83: (
        "The application was built with a newer release than the license server runs.",
        "Update lmgrd and the vendor daemon: they must be at least as new as the newest client.",
    ),
    -84: (
        "The license is for named users or hosts (USER_BASED, HOST_BASED), and the options file names none.",
        "Name them with INCLUDE lines for the feature in the options file, then run lmreread.",
    ),
    -85: (
        "The server does not know this request.",
        "Update the license server, or use the tools of its own release.",
    ),
    -87: (
        "The user, host or group holds as many seats as a MAX line of the options file allows.",
        "Give seats back first, or let the administrator raise the MAX that `seatkeeper options explain` names.",
    ),
    -88: (
        "The clock stands before a time that this machine's own records have seen.",
        "Set the clock right by a time service; licenses with an end wait until it has caught up.",
    ),
    -89: (
        "PLATFORMS of the license line does not name this kind of machine.",
        "Order the license for this platform, or run where it is allowed.",
    ),
    -90: (
        "The license file has a keyword that this release does not know: misspelled, or of a later format.",
        "Run `seatkeeper license lint FILE`, which suggests the nearest keyword; update if the word is right.",
    ),
    -92: (
        "A reread took the feature out of the license file while it was in use, or the SERVER line is for another host id.",
        "Compare the old and the new file with `seatkeeper license diff`; put the line back, or end the application.",
    ),
    -93: (
        "This pool has no seat, and another pool of the same feature has: a warning.",
        "Nothing need be done; lines that differ in version or attributes are counted apart.",
    ),
    -95: (
        "`this_host` on the SERVER line was taken for this machine, and no license server answers here.",
        "Write the server's real name into the SERVER line of the copy that clients use.",
    ),
    -96: (
        "The license server's machine cannot be found by its name, or does not answer: switched off, renamed, or behind a silent firewall.",
        "Check that its name resolves here, that it is up, and that a firewall lets the port pass; then that lmgrd runs on it.",
    ),
    -97: (
        "The license server (lmgrd) answers, and the vendor daemon behind it does not serve.",
        "`lmstat` says why on stderr, the debug log in full; correct the license file or what it names, then run lmreread.",
    ),
    -100: (
        "The seat is lingering or borrowed, so it cannot be removed from its user.",
        "Wait until the time that `lmstat` shows is over; a borrow can be returned by its user, or revoked.",
    ),
    -101: (
        "Seats are free, and RESERVE lines of the options file keep all of them for others.",
        "See the reservations in `lmstat -f FEATURE`; ask the administrator to change them, or order more.",
    ),
    -104: (
        "The time to borrow for is longer than the license or the options file allows.",
        "Borrow for a shorter time: 168 hours, unless BORROW or MAX_BORROW_HOURS says otherwise.",
    ),
    -105: (
        "The borrowed license was given back before.",
        "Nothing need be done; clear the local record with `lmborrow -clear` if it still shows.",
    ),
    -106: (
        "The license server has as many connections as it may.",
        "Raise MAX_CONNECTIONS or the limit of open files there; look for applications that connect again and again.",
    ),
    -114: (
        "A license line has no SIGN, so nobody vouches for it.",
        "Ask the vendor for the signed line; a copy may have lost its end where the line was broken.",
    ),
    -117: (
        "The license could not be taken offline.",
        "Read the reason beside it: space for the local record, the time asked for, or a rule of the options file.",
    ),
    -118: (
        "The time of the borrow is over.",
        "Connect to the license server and borrow again; the seat came free at the end of that time.",
    ),
    -119: (
        "This license server takes the command only from its own machine (lmgrd -local).",
        "Log in there and run it, or start lmgrd without -local.",
    ),
    -120: (
        "Licenses are borrowed, and their holders would not learn that the server went away.",
        "Wait for their return, or run lmdown -force: the borrows are remembered.",
    ),
    -122: (
        "The record of a borrowed license could not be deleted on this machine.",
        "Look at owner and permissions of the directory of borrow records, then clear the record again (lmborrow -clear).",
    ),
    -123: (
        "The license may not be returned before the time of its borrow is over.",
        "Wait until then, or ask the administrator to revoke the borrow at the server.",
    ),
    -124: (
        "The server did not take an early return.",
        "Return it on the machine and as the user that borrowed it, while the server can be reached.",
    ),
    -125: (
        "A package was asked for by its own name, which gives nothing alone.",
        "Ask for one of the package's components; `seatkeeper license show FILE` lists them.",
    ),
    -128: (
        "The server does not know the borrow of which this machine has a record.",
        "It was revoked or returned already, or the journal is another; clear the record and borrow again.",
    ),
    -132: (
        "The network took longer than a program waits.",
        "Try again; look for packet loss, an overloaded server, or a firewall that drops without a word.",
    ),
    -133: (
        "The command line, or a message, is none that the program knows.",
        "Call the tool with -help; check that tool and server are of releases that fit.",
    ),
    -134: (
        "The other side closed the connection.",
        "Look at the server's debug log for the reason; a session that was taken up by a newer connection ends the older one so.",
    ),
    -137: (
        "The license line is signed, but by no key of the trust file that the server reads.",
        "Ask the vendor for a file signed for this server, or install the trust file that belongs to it.",
    ),
}
