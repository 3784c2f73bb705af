//! The runtime stands on unwinding: a crash is a panic that ends one process.

#[cfg(panic = "abort")]
compile_error!(
    "`runtime` needs panic = \"unwind\": under panic = \"abort\" the first crash of a process would \
     end the whole program. Remove `panic = \"abort\"` from the profile."
);
