//! Lists on a disk: one file each, replaced as a whole, and looked through when it is read.
//!
//! A file is text, and says itself where it ends and what its sum is:
//!
//! ```text
//! to-do list
//! 1 2024-01-22 Milk
//! 2 2024-01-22 Bread
//! end 2 5b2c0e6a1f0d9c47
//! ```

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use crate::todo_list::{Entry, TodoList};

/// A list could not be read or written. Whatever was in its file still is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// The operating system said no.
    #[error("{}: {reason}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The file is not what was once written there. Mend it, or move it away.
    #[error("{}, line {line}: expected {expected}, found {found:?}", file.display())]
    Corrupt {
        /// Which file.
        file: PathBuf,
        /// In which line, counted from one.
        line: usize,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
}

impl DiskError {
    fn io(file: &Path, error: &io::Error) -> Self {
        Self::Io { file: file.to_owned(), reason: error.to_string() }
    }
}

/// The first line of every file.
const HEAD: &str = "to-do list\n";

/// A list as text.
pub fn to_text(list: &TodoList) -> String {
    let mut text = HEAD.to_owned();
    for (id, Entry { date, title }) in list.all() {
        let title = title.replace('\\', r"\\").replace('\n', r"\n");
        let _ = writeln!(text, "{id} {date} {title}");
    }
    let (count, sum) = (list.all().count(), sum(&text));
    let _ = writeln!(text, "end {count} {sum:016x}");
    text
}

/// The list that was written into `file` as this text.
///
/// # Errors
/// [`DiskError::Corrupt`], with the first line that is not what it should be: the text is cut off,
/// or was changed.
pub fn from_text(file: &Path, text: &str) -> Result<TodoList, DiskError> {
    let wrong = |line, expected: &str, found: &str| DiskError::Corrupt {
        file: file.to_owned(),
        line,
        expected: expected.to_owned(),
        found: found.trim_end().to_owned(),
    };
    let mut entries = Vec::new();
    let mut read = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if at == 0 {
            if line != HEAD {
                return Err(wrong(1, "`to-do list`", line));
            }
        } else if line.starts_with("end ") {
            let expected = format!("end {} {:016x}\n", entries.len(), sum(&text[..read]));
            if line != expected || read + line.len() != text.len() {
                let expected = format!("`{}` and no more", expected.trim_end());
                return Err(wrong(at + 1, &expected, &text[read..]));
            }
            return Ok(entries.into_iter().collect());
        } else {
            let entry = entry(line).ok_or_else(|| wrong(at + 1, "`ID DATE TITLE`", line))?;
            entries.push(entry);
        }
        read += line.len();
    }
    Err(wrong(text.lines().count() + 1, "a line that begins with `end`", ""))
}

fn entry(line: &str) -> Option<(u64, Entry)> {
    let mut parts = line.strip_suffix('\n')?.splitn(3, ' ');
    let (id, date) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let mut title = String::new();
    let mut letters = parts.next()?.chars();
    while let Some(letter) = letters.next() {
        title.push(match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                other => other,
            },
            other => other,
        });
    }
    Some((id, Entry { date, title }))
}

/// FNV-1a: notices what happens to a file by accident, not what somebody does on purpose.
fn sum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The list in `file`; an empty one if there is no such file.
///
/// # Errors
/// The file cannot be read, or is not what was written there.
pub fn read(file: &Path) -> Result<TodoList, DiskError> {
    // EXERCISE 5: no file is an empty list, and every other failure is an error that says which file.
    match fs::read(file) {
        Ok(bytes) => from_text(file, &String::from_utf8_lossy(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(TodoList::new()),
        Err(error) => Err(DiskError::io(file, &error)),
    }
    // END
}

/// Puts `list` into `file`: all of it, or, whatever happens meanwhile, nothing. When it has returned
/// `Ok`, a power cut takes nothing of it away. Makes the folder, if there is none. The draft of
/// `shopping.todo` is `shopping.new`; one that was left behind is replaced.
///
/// # Errors
/// It could not be written; what was in the file still is.
pub fn write(file: &Path, list: &TodoList) -> Result<(), DiskError> {
    // EXERCISE 5: write beside the file, sync, put it in the file's place, sync the folder.
    let all = || {
        let folder = file.parent().unwrap_or(Path::new("."));
        make_folder(folder)?;
        let draft = file.with_extension("new");
        let mut out = File::create(&draft)?;
        out.write_all(to_text(list).as_bytes())?;
        out.sync_all()?;
        fs::rename(&draft, file)?;
        sync_folder(folder)
    };
    all().map_err(|error| DiskError::io(file, &error))
    // END
}

/// Makes a folder, if there is none, and waits until it is on the disk.
///
/// # Errors
/// The operating system said no.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    folder.parent().filter(|above| above.is_dir()).map_or(Ok(()), sync_folder)
}

/// Waits until the names in a folder are on the disk. What is synced in a file is its content; the
/// name under which it is found belongs to the folder.
///
/// # Errors
/// The operating system said no.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and renaming sees to it.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A folder of lists. Its clones share one turn; make one for each folder, and give out clones.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    turn: Arc<Mutex<()>>,
}

impl Folder {
    /// The folder with this path, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), turn: Arc::default() }
    }

    /// Where the list `name` is. Whatever the name, the file is in the folder, and no other list's:
    /// what is no small letter, digit, `-` or `_` is written as its bytes, `%2F` for `/`.
    pub fn file(&self, name: &str) -> PathBuf {
        let mut file = String::new();
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
                other => {
                    let _ = write!(file, "%{other:02X}");
                }
            }
        }
        self.path.join(file + ".todo")
    }

    /// The turn at the files of this folder, once nobody else has it.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// Whether somebody has the turn.
    pub fn is_busy(&self) -> bool {
        self.turn.try_lock().is_err()
    }

    /// Does `work`, which waits for a disk, on a thread that may wait, when it is its turn. The turn
    /// is the work's, and not the caller's: who is killed meanwhile leaves no unfinished work behind
    /// that others do not wait for.
    ///
    /// # Panics
    /// When `work` does.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        // EXERCISE 6: wait for the turn, and let the work take it along to its thread.
        let turn = self.turn().await;
        let done = spawn_blocking(move || {
            let value = work();
            drop(turn);
            value
        });
        match done.await {
            Ok(value) => value,
            Err(error) => resume_unwind(error.into_panic()),
        }
        // END
    }

    /// The list `name`; an empty one if it was never saved.
    ///
    /// # Errors
    /// As [`read`].
    pub async fn load(&self, name: &str) -> Result<TodoList, DiskError> {
        let file = self.file(name);
        self.work(move || read(&file)).await
    }

    /// Puts the list `name` on the disk.
    ///
    /// # Errors
    /// As [`write()`].
    pub async fn save(&self, name: &str, list: &TodoList) -> Result<(), DiskError> {
        let (file, list) = (self.file(name), list.clone());
        self.work(move || write(&file, &list)).await
    }
}
