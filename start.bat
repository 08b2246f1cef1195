@echo off
rem Opens Caddie. The first start sets it up in this console; later ones leave no console open.
setlocal
chcp 65001 >nul
cd /d "%~dp0"
set "PYTHONUTF8=1"
rem Set by main.py where an update of Caddie needs other packages: pythonw has no console to show that in.
if defined CADDIE_SET_UP goto setup
if not exist ".venv\caddie-setup.txt" goto setup
if not exist ".venv\Scripts\pythonw.exe" goto setup
rem Where the Python that .venv was made with is gone, pythonw would end without a word.
for /f "usebackq tokens=1,* delims== " %%A in (".venv\pyvenv.cfg") do if /i "%%A"=="home" if not exist "%%B\python.exe" goto setup
start "" ".venv\Scripts\pythonw.exe" main.py %*
exit /b 0
:setup
".venv\Scripts\python.exe" -c "" >nul 2>nul && (
    ".venv\Scripts\python.exe" main.py %*
    goto done
)
for %%V in (3.13 3.12 3.11 3.10) do (
    py -%%V -c "" >nul 2>nul && (
        py -%%V main.py %*
        goto done
    )
)
python -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))" >nul 2>nul && (
    python main.py %*
    goto done
)
echo Caddie needs Python 3.10 to 3.13 (64 bit): https://www.python.org/downloads/
echo Caddie には Python 3.10 から 3.13 (64 bit) が必要です。
pause
exit /b 1
:done
if errorlevel 1 pause
exit /b %errorlevel%
