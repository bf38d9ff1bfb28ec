# Installs Site Recovery's mobility agent on this machine and registers it with its server.
# Systems Manager runs it as SYSTEM every half hour. It does nothing on a machine that is done.
# It needs Windows PowerShell 3.0, which Systems Manager itself requires, and nothing newer.
# Its last line is one line of JSON.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$PackageUrl = '{{ PackageUrl }}'
$PackageSha256 = '{{ PackageSha256 }}'
$ServerAddress = '{{ ServerAddress }}'
$SecretId = '{{ SecretId }}'
$Region = '{{ Region }}'
$Experience = '{{ Experience }}'
$Proxy = '{{ Proxy }}'
$ProxyBypass = '{{ ProxyBypass }}'

$InstallLocation = 'C:\Program Files (x86)\Microsoft Azure Site Recovery'
$Logs = Join-Path $env:ProgramData 'ASRSetupLogs'
$Note = Join-Path $env:ProgramData 'ec2-to-azure\mobility-agent-server.txt'
$Work = Join-Path $env:SystemRoot ('Temp\mobility-agent-' + [Guid]::NewGuid().ToString('N'))
$NeededMiB = 500

function Write-Report([string] $Agent, [string] $Message) {
    $bios = (Get-WmiObject -Class Win32_ComputerSystemProduct).UUID
    $report = New-Object PSObject -Property @{ agent = $Agent; bios = $bios; message = $Message }
    Write-Output (ConvertTo-Json -InputObject $report -Compress)
}

# Ends the script with an exit code and a message.
function Stop-Script([int] $Code, [string] $Message) {
    $failure = New-Object System.Exception $Message
    $failure.Data['ExitCode'] = $Code
    throw $failure
}

# Runs a command line and waits for it and its child processes. Returns its exit code.
function Invoke-CommandLine([string] $Folder, [string] $CommandLine) {
    $program, $arguments = $CommandLine -split ' ', 2
    $path = Join-Path $Folder $program
    if (-not (Test-Path -LiteralPath $path)) {
        Stop-Script 14 "There is no $program in $Folder. Check replication.agent.windows."
    }
    $process = Start-Process -FilePath $path -ArgumentList $arguments -WorkingDirectory $Folder -Wait -PassThru
    return $process.ExitCode
}

# Only SYSTEM and administrators may read the package and, for a moment, the secret.
function New-WorkFolder {
    New-Item -ItemType Directory -Path $Work | Out-Null
    & icacls.exe $Work /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) {
        Stop-Script 10 "Access to $Work cannot be restricted (icacls ended with exit code $LASTEXITCODE)."
    }
}

function Get-InstalledAgent {
    $keys = 'HKLM:\SOFTWARE\Wow6432Node\InMage Systems\Installed Products\5',
        'HKLM:\SOFTWARE\InMage Systems\Installed Products\5'
    foreach ($key in $keys) {
        if (Test-Path -LiteralPath $key) {
            return Get-ItemProperty -LiteralPath $key
        }
    }
    return $null
}

# The servers in the agent's own settings and in the note of an earlier run of this script.
function Get-RegisteredServer {
    if (Test-Path -LiteralPath $Note) {
        Get-Content -LiteralPath $Note
    }
    if ($Experience -eq 'classic') {
        $settings = Join-Path $InstallLocation 'agent\Application Data\etc\drscout.conf'
        if (Test-Path -LiteralPath $settings) {
            Get-Content -LiteralPath $settings | Where-Object { $_ -match '^Hostname\s*=\s*(\S+)' } |
                ForEach-Object { $Matches[1] }
        }
    }
}

function Test-Registered($Agent) {
    if ($null -eq $Agent) {
        return $false
    }
    # Some versions of the agent keep no such status: then the servers alone decide.
    if ($null -ne $Agent.AgentConfigurationStatus -and $Agent.AgentConfigurationStatus -ne 'Succeeded') {
        return $false
    }
    return @(Get-RegisteredServer) -contains $ServerAddress
}

# Hosts that are reached without the proxy, as regular expressions.
function Get-Bypass {
    $hosts = @('169.254.169.254', $ServerAddress) + @($ProxyBypass -split ',' | Where-Object { $_ -ne '' })
    return , [string[]] @($hosts | ForEach-Object { [Text.RegularExpressions.Regex]::Escape($_) })
}

function Save-Package([string] $Path) {
    # 3072 is TLS 1.2: older .NET versions have no name for it.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
    $reason = ''
    foreach ($attempt in 1..5) {
        $client = New-Object System.Net.WebClient
        if ($Proxy -ne '') {
            $client.Proxy = New-Object System.Net.WebProxy -ArgumentList $Proxy, $true, (Get-Bypass)
        }
        try {
            $client.DownloadFile($PackageUrl, $Path)
            return
        } catch {
            $reason = $_.Exception.GetBaseException().Message
        } finally {
            $client.Dispose()
        }
        if ($attempt -lt 5) {
            Start-Sleep -Seconds 15
        }
    }
    Stop-Script 11 "$PackageUrl cannot be fetched: $reason Check that the machine reaches it on port 443, or through the proxy of the config."
}

function Assert-Sha256([string] $Path) {
    if ($PackageSha256 -eq '') {
        return
    }
    $algorithm = New-Object System.Security.Cryptography.SHA256CryptoServiceProvider
    $stream = [IO.File]::OpenRead($Path)
    try {
        $found = ([BitConverter]::ToString($algorithm.ComputeHash($stream)) -replace '-', '').ToLowerInvariant()
    } finally {
        $stream.Dispose()
    }
    $wanted = $PackageSha256.ToLowerInvariant()
    if ($found -ne $wanted) {
        Stop-Script 12 "The SHA-256 of the package is $found, but $wanted was expected. Correct replication.agent.windows, or put the right file at its url."
    }
}

function Import-SecretsModule {
    foreach ($module in 'AWS.Tools.SecretsManager', 'AWSPowerShell') {
        if (Get-Module -ListAvailable -Name $module) {
            Import-Module -Name $module
            if (Get-Command -Name Get-SECSecretValue -ErrorAction SilentlyContinue) {
                return $true
            }
        }
    }
    return $false
}

# The text of the secret, read with the machine's own role.
function Read-Secret {
    $cli = Get-Command -Name aws.exe -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (Import-SecretsModule) {
        try {
            if ($Proxy -ne '') {
                $address = [Uri] $Proxy
                Set-AWSProxy -Hostname $address.Host -Port $address.Port -BypassList (Get-Bypass)
            }
            return (Get-SECSecretValue -SecretId $SecretId -Region $Region).SecretString
        } catch {
            $reason = $_.Exception.Message
        }
    } elseif ($null -ne $cli) {
        # PowerShell takes stderr of a native program for an error and would end the script here.
        $ErrorActionPreference = 'Continue'
        if ($Proxy -ne '') {
            # For this process only.
            $env:HTTPS_PROXY = $Proxy
            $env:NO_PROXY = "169.254.169.254,$ServerAddress,$ProxyBypass"
        }
        $answer = @(& $cli.Definition secretsmanager get-secret-value --region $Region --secret-id $SecretId --query SecretString --output text 2>&1)
        $code = $LASTEXITCODE
        # Lines of stdout are strings. Lines of stderr, such as a warning of an old CLI, are error records.
        $text = @($answer | Where-Object { $_ -is [string] }) -join "`n"
        $reason = (@($answer | Where-Object { $_ -isnot [string] }) -join ' ').Trim()
        if ($code -eq 0) {
            if ($reason -ne '') {
                Write-Warning "aws.exe: $reason"
            }
            return $text
        }
    } else {
        Stop-Script 10 'This machine has neither AWS Tools for PowerShell with Get-SECSecretValue (2018 or later) nor the AWS CLI, and one of them must read the secret of the server. Install one, or set replication.agent.installation to manual.'
    }
    Stop-Script 13 "The machine may not read ${SecretId}: $reason"
}

function Install-Agent {
    $free = [Math]::Floor((New-Object IO.DriveInfo 'C').AvailableFreeSpace / 1048576)
    if ($free -lt $NeededMiB) {
        Stop-Script 14 "Drive C: has $free MiB free, but the agent needs $NeededMiB. Free some space."
    }
    $package = Join-Path $Work 'MobilityServiceInstaller.exe'
    Save-Package $package
    Assert-Sha256 $package
    $code = Invoke-CommandLine $Work "MobilityServiceInstaller.exe /q /x:$Work\Extracted"
    if ($code -ne 0) {
        Stop-Script 14 "The package could not be extracted (exit code $code). Check replication.agent.windows."
    }
    if ($Experience -eq 'classic') {
        $code = Invoke-CommandLine "$Work\Extracted" 'UnifiedAgent.exe /Role "MS" /InstallLocation "C:\Program Files (x86)\Microsoft Azure Site Recovery" /Platform "VmWare" /Silent /CSType CSLegacy'
    } else {
        $code = Invoke-CommandLine "$Work\Extracted" 'UnifiedAgentInstaller.exe /Platform vmware /Silent /Role MS /CSType CSPrime /InstallLocation "C:\Program Files (x86)\Microsoft Azure Site Recovery"'
    }
    # 98: succeeded with warnings. 1641 and 3010: succeeded, and Windows asks for a restart, which
    # the agent does not need.
    if (0, 98, 1641, 3010 -notcontains $code) {
        Stop-Script 15 "The installer ended with $code. See $Logs\ASRUnifiedAgentInstaller.log."
    }
}

function Register-Agent([string] $Secret) {
    $utf8 = New-Object System.Text.UTF8Encoding $false
    $agentFolder = Join-Path $InstallLocation 'agent'
    if ($Experience -eq 'classic') {
        $passphrase = ''
        try {
            $passphrase = [string] (ConvertFrom-Json -InputObject $Secret).passphrase
        } catch {
            # A secret that is not JSON contains no passphrase either.
            $passphrase = ''
        }
        if ($passphrase -eq '') {
            Stop-Script 13 "$SecretId has no passphrase in it yet. The configuration server writes it there once it is installed."
        }
        [IO.File]::WriteAllText("$Work\passphrase.txt", $passphrase, $utf8)
        $code = Invoke-CommandLine $agentFolder "UnifiedAgentConfigurator.exe /CSEndPoint $ServerAddress /PassphraseFilePath $Work\passphrase.txt"
    } else {
        if ($Secret.Trim() -eq '') {
            Stop-Script 13 "$SecretId is empty. Put the appliance's config.json there."
        }
        [IO.File]::WriteAllText("$Work\config.json", $Secret, $utf8)
        $code = Invoke-CommandLine $agentFolder "UnifiedAgentConfigurator.exe /SourceConfigFilePath $Work\config.json /CSType CSPrime /CredentialLessDiscovery true"
    }
    if (0, 98 -notcontains $code) {
        Stop-Script 16 "Registration with $ServerAddress ended with $code. Check that it answers on port 443, and see $Logs\ASRUnifiedAgentConfigurator.log."
    }
    New-Item -ItemType Directory -Path (Split-Path -Parent $Note) -Force | Out-Null
    Set-Content -LiteralPath $Note -Value $ServerAddress
}

$exitCode = 0
try {
    $agent = Get-InstalledAgent
    if (Test-Registered $agent) {
        Write-Report 'registered' "registered with $ServerAddress before"
    } else {
        New-WorkFolder
        # The secret first: without it the installation could not be completed.
        $secret = Read-Secret
        if ($null -eq $agent) {
            Install-Agent
        }
        Register-Agent $secret
        Write-Report 'registered' "registered with $ServerAddress"
    }
} catch {
    $exitCode = $_.Exception.Data['ExitCode']
    if ($null -eq $exitCode) {
        $exitCode = 1
    }
    Write-Report 'failed' $_.Exception.Message
} finally {
    if (Test-Path -LiteralPath $Work) {
        Remove-Item -LiteralPath $Work -Recurse -Force -ErrorAction SilentlyContinue
    }
}
exit $exitCode
