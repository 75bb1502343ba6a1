//! The settings of the terminal at standard input (POSIX, `termios.h`).
#![expect(
    unsafe_code,
    reason = "the standard library has no settings of terminals, and a crate for them would have all that depends on libc built anew"
)]

use std::io;
use std::mem::MaybeUninit;

/// Settings as they were.
pub struct Settings(libc::termios);

impl Settings {
    /// The settings in force.
    ///
    /// # Errors
    /// Standard input is no terminal.
    pub fn read() -> io::Result<Self> {
        let mut settings = MaybeUninit::uninit();
        // SAFETY: the pointer is to a `termios`, which is written whole where the answer is 0
        let answer = unsafe { libc::tcgetattr(libc::STDIN_FILENO, settings.as_mut_ptr()) };
        if answer != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was written
        Ok(Self(unsafe { settings.assume_init() }))
    }

    /// The same, but that keys are read as they are pressed, and not shown. Ctrl-C and Ctrl-Z stay signals.
    pub fn by_keys(&self) -> Self {
        let mut settings = self.0;
        settings.c_lflag &= !(libc::ICANON | libc::ECHO);
        Self(settings)
    }

    /// Puts them into force.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn apply(&self) -> io::Result<()> {
        // SAFETY: the pointer is to a `termios`, which is only read
        let answer =
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &raw const self.0) };
        if answer == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
