#!/usr/bin/env bash
# Puts one wrong type into a copy of each program, and says what the compiler says. What compiles
# is run.
set -euo pipefail
cd "$(dirname "$0")"
trap 'rm -f src/bin/wrong.rs' EXIT

try() {
    local program=$1 what=$2 from=$3 to=$4
    sed "s#$from#$to#" "src/bin/$program.rs" >src/bin/wrong.rs
    if cmp -s "src/bin/$program.rs" src/bin/wrong.rs; then
        printf '%s: the change for the %s no longer fits\n' "$program" "$what" >&2
        exit 1
    fi
    local error
    if error=$(cargo check --quiet --bin wrong 2>&1); then
        printf '%-7s wrong %-8s compiles, and panics: ' "$program" "$what"
        timeout 10 cargo run --quiet --bin wrong 2>&1 | grep -m1 unreachable
    else
        printf '%-7s wrong %-8s %s\n' "$program" "$what" "$(grep -m1 -o '^error.*' <<<"$error")"
    fi
}

# A question that is none; an answer of another kind than the caller waits for.
try ours message 'call(Call::Get)' 'call(|_: Reply<u64>| "get")'
try ours reply 'Get(reply) => reply.go(self.0)' 'Get(reply) => reply.go("one")'
try ractor message 'CounterMessage::Get, 5000' '(\|_\| "get"), 5000'
try ractor reply 'Get(reply) => reply.send(\*value)' 'Get(reply) => reply.send("one")'
try kameo message 'counter.ask(Get)' 'counter.ask("get")'
try kameo reply '-> u64 {' '-> String {'
try hydra message 'call(NAME, CounterMessage::Get' 'call(NAME, CounterMessage::Value(0)'
try hydra reply 'Get => Ok(Some(CounterMessage::Value(self.0)))' 'Get => Ok(Some(CounterMessage::Get))'
