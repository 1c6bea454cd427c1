"""A terminal for tests: a program under a pty, and what its screen shows. Knows the sequences of xterm that ncurses uses."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

PATIENCE_S = 60
SEQUENCE = re.compile(r"\x1b\[([?>]?)([0-9;]*)([@A-Za-z`])")


class Screen:
    """The cells of a terminal, as the bytes that it was sent leave them."""

    def __init__(self, rows, columns):
        self.pending = ""
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.last = " "

    def feed(self, text):
        text = self.pending + text
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.put(text[at])
                at += 1
                continue
            sequence = SEQUENCE.match(text, at)
            if sequence:
                if not sequence.group(1):
                    self.control(sequence.group(3), [int(n) if n else 0 for n in sequence.group(2).split(";")])
                at = sequence.end()
            elif text[at + 1:at + 2] in ("(", ")") and at + 2 < len(text):
                at += 3
            elif text[at + 1:at + 2] in tuple("=>78M"):
                at += 2
            else:
                break
        self.pending = text[at:]
        assert len(self.pending) < 64, f"a sequence that no terminal of tests knows: {self.pending[:20]!r}"

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row = min(self.row + 1, self.rows - 1)
        elif character == "\b":
            self.column = max(self.column - 1, 0)
        elif character >= " ":
            if self.column < self.columns:
                self.cells[self.row][self.column] = character
            self.column += 1
            self.last = character

    def control(self, what, numbers):
        n = numbers[0]
        count = max(n, 1)
        if what in "Hf":
            self.row = count - 1
            self.column = max(numbers[1], 1) - 1 if len(numbers) > 1 else 0
        elif what == "A":
            self.row -= count
        elif what == "B":
            self.row += count
        elif what == "C":
            self.column += count
        elif what == "D":
            self.column -= count
        elif what in "G`":
            self.column = count - 1
        elif what == "d":
            self.row = count - 1
        elif what == "J":
            self.erase(0 if n in (1, 2) else self.row, 0 if n in (1, 2) else self.column)
        elif what == "K":
            start, end = (0, self.column + 1) if n == 1 else (0 if n == 2 else self.column, self.columns)
            self.cells[self.row][start:end] = [" "] * (end - start)
        elif what == "X":
            end = min(self.column + count, self.columns)
            self.cells[self.row][self.column:end] = [" "] * (end - self.column)
        elif what == "P":
            row = self.cells[self.row]
            del row[self.column:self.column + count]
            row += [" "] * (self.columns - len(row))
        elif what == "@":
            row = self.cells[self.row]
            row[self.column:self.column] = [" "] * count
            del row[self.columns:]
        elif what == "b":
            for _ in range(count):
                self.put(self.last)
        else:
            assert what in "mhlrt", f"a sequence that no terminal of tests knows: {what} {numbers}"
        self.row = min(max(self.row, 0), self.rows - 1)
        self.column = max(self.column, 0)

    def erase(self, row, column):
        self.cells[row][column:] = [" "] * (self.columns - column)
        for below in range(row + 1, self.rows):
            self.cells[below] = [" "] * self.columns

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, rows, columns, environment):
        self.screen = Screen(rows, columns)
        self.raw = ""
        self.controller, self.end = pty.openpty()
        self.set_size(rows, columns)
        self.before = termios.tcgetattr(self.end)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.end, termios.TIOCSCTTY, 0)
            for descriptor in range(3):
                os.dup2(self.end, descriptor)
            os.execve(command[0], command, environment)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        """The program hears of it as of any terminal's: by SIGWINCH."""
        self.screen.resize(rows, columns)
        self.set_size(rows, columns)

    def read(self, seconds):
        if select.select([self.controller], [], [], seconds)[0]:
            text = os.read(self.controller, 65536).decode(errors="surrogateescape")
            self.raw += text
            self.screen.feed(text)

    def wait_for(self, *patterns):
        """Until the screen shows all of them."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(re.search(pattern, self.screen.text()) for pattern in patterns):
            assert time.monotonic() < deadline, f"waited in vain for {patterns} on\n{self.screen.text()}"
            self.read(0.1)
        return self.screen.text()

    def press(self, keys):
        os.write(self.controller, keys.encode())

    def wait(self):
        """The status that the program ended with, as a shell has it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            assert time.monotonic() < deadline, f"it does not end; on its screen\n{self.screen.text()}"
            self.read(0.02)
        self.read(0.1)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def wait_until_stopped(self):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid:
                assert os.WIFSTOPPED(status), f"it ended with {status}"
                return self.read(0.1)
            assert time.monotonic() < deadline, "it does not stop"
            self.read(0.02)

    def is_restored(self):
        """Modes as they were, the cursor visible, the former screen back."""
        return (termios.tcgetattr(self.end) == self.before and self.raw.rfind("\x1b[?1049l") > self.raw.rfind("\x1b[?1049h")
                and self.raw.rfind("\x1b[?25h") > self.raw.rfind("\x1b[?25l"))
