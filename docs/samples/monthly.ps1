# Audits the month before this one into a folder of its own. The password comes from the Credential Manager.
$env:VBR_AUDIT_CONFIG = 'C:\vbr-audit\vbr_audit.toml'
$month = (Get-Date).AddMonths(-1).ToString('yyyy-MM')
& 'C:\vbr-audit\venv\Scripts\vbr-audit.exe' audit --month $month --out "C:\vbr-audit\runs\$month" --quiet
exit $LASTEXITCODE
