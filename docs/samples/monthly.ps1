# Audits the month before this one into a folder of its own. The password comes from the Credential Manager.
$env:VBR_AUDIT_CONFIG = 'C:\vbr-audit\vbr_audit.toml'
$month = (Get-Date).AddMonths(-1).ToString('yyyy-MM')
& 'C:\vbr-audit\venv\Scripts\vbr-audit.exe' audit --month $month --out "C:\vbr-audit\runs\$month" --quiet
$code = $LASTEXITCODE
& 'C:\vbr-audit\venv\Scripts\vbr-audit.exe' deliver "C:\vbr-audit\runs\$month" --to 'C:\vbr-audit\deliver.toml' --quiet
# Findings that fail (1) are a result: a delivery that failed is told before them, and after all that is worse.
if ($code -le 1 -and $LASTEXITCODE -ne 0) { $code = $LASTEXITCODE }
exit $code
