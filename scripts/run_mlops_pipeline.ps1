<#
.SYNOPSIS
Runs the whole pipeline over the gateway: ingestion, training (with evaluation and registration), and a page to see that
prediction works. Waits for each; stops with a sentence and status 1 where one fails.

.EXAMPLE
$env:INKREAD_USER = "ada"; $env:INKREAD_PASSWORD_FILE = "C:\inkread\ada.txt"; .\scripts\run_mlops_pipeline.ps1

.EXAMPLE
schtasks /Create /SC MONTHLY /D 1 /ST 03:00 /TN Inkread /TR "pwsh -File C:\inkread\scripts\run_mlops_pipeline.ps1"

.NOTES
The environment variables are those of run_mlops_pipeline.sh. Needs PowerShell 7.
#>
$ErrorActionPreference = "Stop"

function Setting([string]$Name, [string]$Default) {
    $value = [Environment]::GetEnvironmentVariable($Name)
    if ([string]::IsNullOrEmpty($value)) { $Default } else { $value }
}

function Fail([string]$Message) {
    [Console]::Error.WriteLine("run_mlops_pipeline: $Message")
    exit 1
}

$url = Setting "INKREAD_GATEWAY_URL" "http://127.0.0.1:8000"
$user = Setting "INKREAD_USER" "admin1"
$page = Setting "INKREAD_PAGE" (Join-Path $PSScriptRoot "../examples/letter.png")
$waitSeconds = [int](Setting "INKREAD_WAIT_SECONDS" "86400")
$passwordFile = Setting "INKREAD_PASSWORD_FILE" ""
$password = if ($passwordFile) { (Get-Content -Raw $passwordFile).Trim() } else { Setting "INKREAD_PASSWORD" "1nimda" }
$pair = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes("${user}:$password"))
$common = @{ Headers = @{ Authorization = "Basic $pair" }; SkipHttpErrorCheck = $true; TimeoutSec = 600 }

function Invoke-Job([string]$Name, [hashtable]$Request) {
    try { $job = Invoke-RestMethod @common @Request -Method Post } catch { Fail "${Name}: the gateway at $url does not answer" }
    if (-not $job.id) { Fail "$Name was refused: $($job.detail)" }
    Write-Output "${Name}: job $($job.id)"
    $deadline = (Get-Date).AddSeconds($waitSeconds)
    $before = ""
    while ($true) {
        # a service that is being restarted answers 503 or not at all: ask again
        try { $now = Invoke-RestMethod @common -Uri "$url/jobs/$($job.id)" } catch { $now = $null }
        $told = "$($now.state) $($now.stage)"
        if ($told -ne $before) { Write-Output "${Name}: $told"; $before = $told }
        if ($now.state -eq "succeeded") { return }
        if ($now.state -in "failed", "cancelled") { Fail "$Name $($now.state): $($now.message)" }
        if ((Get-Date) -gt $deadline) { Fail "$Name took longer than $waitSeconds seconds; job $($job.id) goes on" }
        Start-Sleep -Seconds 2
    }
}

Invoke-Job "ingestion" @{ Uri = "$url/ingest"; Form = @{ request = (Setting "INKREAD_INGEST" "{}") } }
Invoke-Job "training" @{ Uri = "$url/train"; ContentType = "application/json"; Body = (Setting "INKREAD_TRAIN" "{}") }
if ((Setting "INKREAD_PROMOTE" "no") -eq "yes") {
    $body = '{"why":"run_mlops_pipeline"}'
    $promoted = Invoke-RestMethod @common -Method Post -Uri "$url/models/challenger/promote" -ContentType "application/json" -Body $body
    if ($null -eq $promoted.served) { Fail "promotion was refused: $($promoted.detail)" }
    Write-Output "promotion: version $($promoted.version)"
}
$read = Invoke-RestMethod @common -Method Post -Uri "$url/predict?format=txt" -Form @{ file = Get-Item $page }
if ($read.detail) { Fail "prediction: $($read.detail)" }
if (-not $read) { Fail "prediction read nothing on $page" }
$lines = $read.Trim().Split("`n")
Write-Output "prediction: read $($lines.Count) lines, the first is: $($lines[0])"
