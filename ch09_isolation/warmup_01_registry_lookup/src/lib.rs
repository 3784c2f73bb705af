//! Warm-up 9.1: a look-up in a registry. What it is about stands in `README.md`, which opens these
//! pages.
#![doc = include_str!("../README.md")]

use runtime::{Pid, Registry, RegistryError, note};

/// Who is found under which key. Runs before anybody registers; the tests start it.
pub static MY_REGISTRY: Registry<String> = Registry::unique("MyRegistry");

/// The process that is registered under `key` now.
///
/// # Errors
/// The registry does not run.
pub fn find(key: &str) -> Result<Option<Pid>, RegistryError> {
    // EXERCISE 1: look the key up in the registry, and keep the pid of what is there.
    let found = MY_REGISTRY.lookup(key)?;
    Ok(found.map(|(pid, ())| pid))
    // END
}

/// Sends `word`, as a `String`, to the process that is registered under `key` now; notes
/// `Process not found` if there is none.
///
/// # Errors
/// The registry does not run.
pub fn tell(key: &str, word: &str) -> Result<(), RegistryError> {
    // EXERCISE 2: send the word to whoever is found, and say so if there is nobody.
    match find(key)? {
        Some(pid) => pid.send(word.to_owned()),
        None => note("Process not found"),
    }
    Ok(())
    // END
}
