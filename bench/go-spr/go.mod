module myelin.invalid/bench/spr

go 1.24
