module myelin.invalid/interop/spr

go 1.24
