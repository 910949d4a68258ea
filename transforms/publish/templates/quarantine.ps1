# Written by mirrorfold. Moves the files of a quarantine plan aside, or back; deletes and overwrites nothing.
#   powershell -ExecutionPolicy Bypass -File quarantine.ps1           check only: say what would move
#   powershell -ExecutionPolicy Bypass -File quarantine.ps1 -Move     move
#   powershell -ExecutionPolicy Bypass -File quarantine.ps1 -Undo     move back
# A line of a list is: bytes, SHA-256, from, to, what the kept copy is, the kept copy; tabs between.
param([switch]$Move, [switch]$Undo)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
if ($Move -and $Undo) { Write-Error 'use -Move or -Undo'; exit 2 }

# Is it a plain file with these very bytes?
function Test-Sound([string]$Path, [string]$Bytes, [string]$Sum) {
    if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) { return $false }
    $file = Get-Item -LiteralPath $Path -Force
    if ($file.Attributes -band [IO.FileAttributes]::ReparsePoint) { return $false }
    if ([string]$file.Length -ne $Bytes) { return $false }
    return (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash.ToLowerInvariant() -eq $Sum
}

# What forbids the move, or nothing.
function Get-Reason($Bytes, $Sum, $Source, $Target, $Kind, $Kept) {
    if (Test-Path -LiteralPath $Target) { return 'something lies at the target' }
    if (-not (Test-Sound $Source $Bytes $Sum)) { return 'it is not the file that was decided on' }
    if ($Undo) { return '' }
    if ($Kind -eq 'same' -and -not (Test-Sound $Kept $Bytes $Sum)) {
        return "its kept copy is not there with the same bytes: $Kept"
    }
    if ($Kind -eq 'other' -and -not (Test-Path -LiteralPath $Kept -PathType Leaf)) { return "its kept copy is not there: $Kept" }
    return ''
}

$done = 0; $already = 0; $refused = 0
foreach ($list in @(@LISTS@)) {
    foreach ($line in [IO.File]::ReadLines((Join-Path $PSScriptRoot $list), [Text.Encoding]::UTF8)) {
        $bytes, $sum, $from, $to, $kind, $kept = $line.Split("`t")
        if ($Undo) { $source = $to; $target = $from } else { $source = $from; $target = $to }
        if (-not (Test-Path -LiteralPath $source) -and (Test-Sound $target $bytes $sum)) { $already++; continue }
        $reason = Get-Reason $bytes $sum $source $target $kind $kept
        if ($reason) { $refused++; [Console]::Error.WriteLine("left: ${source}: $reason"); continue }
        if ($Move -or $Undo) {
            try {
                [void][IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($target))
                [IO.File]::Move($source, $target)
            } catch { $refused++; [Console]::Error.WriteLine("left: ${source}: $_"); continue }
        } else { Write-Output "would move: $source" }
        $done++
    }
}
$verb = if ($Move -or $Undo) { 'moved' } else { 'would move; run it again with -Move' }
Write-Output "$done $verb, $already there already, $refused left where they are"
if ($refused -gt 0) { exit 1 }
